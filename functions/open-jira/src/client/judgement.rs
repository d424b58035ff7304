//! Sorting an answer by what it means for the work.

use jiff::Timestamp;
use remediate_core::config::{Deployment, Jira};
use reqwest::StatusCode;

use super::{About, Answer, Call, limits};
use crate::error::JiraError;

/// The answer if it is one, else what is wrong.
pub(super) fn judge(jira: &Jira, call: &Call<'_>, answer: Answer) -> Result<Answer, JiraError> {
    let status = answer.status;
    if is_stranger(call, &answer) {
        return Err(unauthorised(jira, call, &answer));
    }
    if status.is_success() && (call.writes || !answer.is_page()) {
        return Ok(answer);
    }
    let misaddressed = |detail: String| JiraError::Misaddressed {
        action: call.action.to_owned(),
        detail,
    };
    let detail = answer.detail();
    Err(match status.as_u16() {
        200..=299 => misaddressed(format!("it answered with {detail}")),
        300..=399 => misaddressed(format!(
            "it answered with a redirect to {}",
            answer.location()
        )),
        401 => unauthorised(jira, call, &answer),
        403 if answer.is_page() || call.about == About::Site => forbidden(jira, call, detail),
        404 | 405 | 410 if is_wrong_door(call, &answer) => misaddressed(format!(
            "there is no such API (HTTP {}): {detail}",
            status.as_u16()
        )),
        409 if call.about == About::Issue => JiraError::Conflict {
            action: call.action.to_owned(),
            detail,
        },
        429 => JiraError::Limited {
            action: call.action.to_owned(),
            after: limits::wait(&answer.headers, Timestamp::now()).unwrap_or(limits::UNSAID),
            one_issue: limits::is_of_one_issue(&answer.headers),
            reason: detail,
        },
        408 | 409 | 425 | 500..=599 => call.unanswered(
            format!("HTTP {}: {detail}", status.as_u16()),
            limits::wait(&answer.headers, Timestamp::now()),
        ),
        other => JiraError::Refused {
            action: call.action.to_owned(),
            status: other,
            detail,
            problems: answer.problems(),
        },
    })
}

/// Whether Jira took us for nobody. What it wrote all the same is written, and a server in trouble says nothing about us.
fn is_stranger(call: &Call<'_>, answer: &Answer) -> bool {
    let tells = match answer.status.as_u16() {
        200..=299 => !call.writes,
        429 | 500.. => false,
        _ => true,
    };
    tells && answer.is_anonymous()
}

/// Whether it is the API that is not there, and not the ticket.
fn is_wrong_door(call: &Call<'_>, answer: &Answer) -> bool {
    // Data Center's way of saying that a path leads nowhere at all.
    let is_no_path = answer
        .json()
        .is_some_and(|body| body.get("status-code").is_some());
    answer.status != StatusCode::NOT_FOUND
        || call.about == About::Site
        || answer.is_page()
        || is_no_path
}

fn forbidden(jira: &Jira, call: &Call<'_>, detail: String) -> JiraError {
    JiraError::Unauthorised {
        action: call.action.to_owned(),
        status: 403,
        detail,
        remedy: format!(
            "the account needs the permissions of project {} (browse, create, comment, transition), and the address we call from must be allowed",
            jira.project
        ),
    }
}

fn unauthorised(jira: &Jira, call: &Call<'_>, answer: &Answer) -> JiraError {
    let on_gateway = jira
        .base_url
        .as_ref()
        .is_some_and(|base| base.path().contains("/ex/jira/"));
    let remedy = match (jira.deployment, on_gateway) {
        (Deployment::Cloud, true) => {
            "is the token expired (they live at most a year), does it belong to `jira.user_email`? a token without scopes works only at https://<site>.atlassian.net, one with scopes needs read:jira-work, write:jira-work and read:jira-user"
        }
        (Deployment::Cloud, false) => {
            "is the token expired (they live at most a year), does it belong to `jira.user_email`? a token with scopes works only at https://api.atlassian.com/ex/jira/<cloudId>"
        }
        (Deployment::DataCenter, _) => {
            "is the personal access token expired or revoked, or does the account have to solve a captcha?"
        }
    };
    JiraError::Unauthorised {
        action: call.action.to_owned(),
        status: answer.status.as_u16(),
        detail: answer.detail(),
        remedy: remedy.to_owned(),
    }
}
