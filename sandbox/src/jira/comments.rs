//! Comments.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::document::Document;
use super::refusal::Refusal;
use super::{Answer, Asked, Jira};
use crate::http::Reply;

impl Jira {
    pub(super) fn comment_body(&self, asked: &Asked, value: &Value) -> Result<Document, Refusal> {
        let body = self.rules(asked).document("comment", value)?;
        body.filter(|body| !body.text().trim().is_empty())
            .ok_or_else(|| Refusal::field("comment", "Comment body can not be empty!"))
    }

    pub(super) fn add_comment(&mut self, asked: &Asked, index: usize) -> Answer {
        let request = asked.body()?;
        let body = self.comment_body(asked, &request["body"])?;
        self.attach(index, vec![body], asked);
        let lag = self.lag();
        let issue = &mut self.issues[index];
        // A comment changes when the issue was last updated, nothing else.
        let fields = issue.fields().clone();
        issue.change(fields, asked.now, lag);
        let issue = &self.issues[index];
        let added = issue
            .comments
            .last()
            .map(|comment| self.show(asked).comment(issue, comment));
        Ok(Reply::json(
            StatusCode::CREATED,
            &added.unwrap_or(Value::Null),
        ))
    }

    pub(super) fn list_comments(&self, asked: &Asked, index: usize) -> Reply {
        let issue = &self.issues[index];
        let start = asked.number("startAt", 0);
        let limit = asked.number("maxResults", 100);
        let newest_first = asked.request.query("orderBy") == Some("-created");
        let mut all: Vec<Value> = issue
            .comments
            .iter()
            .map(|comment| self.show(asked).comment(issue, comment))
            .collect();
        if newest_first {
            all.reverse();
        }
        let total = all.len();
        let page: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
        Reply::ok(&json!({
            "startAt": start, "maxResults": limit, "total": total, "comments": page,
        }))
    }

    pub(super) fn get_comment(&self, asked: &Asked, index: usize, id: &str) -> Answer {
        let issue = &self.issues[index];
        let comment = &issue.comments[self.comment_position(index, id)?];
        Ok(Reply::ok(&self.show(asked).comment(issue, comment)))
    }

    pub(super) fn edit_comment(&mut self, asked: &Asked, index: usize, id: &str) -> Answer {
        let position = self.comment_position(index, id)?;
        let request = asked.body()?;
        let body = self.comment_body(asked, &request["body"])?;
        let comment = &mut self.issues[index].comments[position];
        comment.body = body;
        comment.updated = asked.now;
        self.get_comment(asked, index, id)
    }

    pub(super) fn delete_comment(&mut self, index: usize, id: &str) -> Answer {
        let position = self.comment_position(index, id)?;
        self.issues[index].comments.remove(position);
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    fn comment_position(&self, index: usize, id: &str) -> Result<usize, Refusal> {
        self.issues[index]
            .comments
            .iter()
            .position(|comment| comment.id.to_string() == id)
            .ok_or_else(|| Refusal::not_found(format!("Can not find a comment for the id: {id}.")))
    }
}
