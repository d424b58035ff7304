//! The Bot API.

use sandbox::{Chat, SandboxConfig};
use serde_json::{Value, json};

use super::{Lab, send};

#[tokio::test]
async fn given_a_message_in_html_when_sent_then_the_reply_is_a_message_with_text_and_entities() {
    let lab = Lab::new().await;
    let answer = lab
        .html("😀 <b>disk</b> &amp; <a href=\"https://example.com/g\">guide</a>\n")
        .await;
    assert_eq!(answer.status, 200);
    let message = &answer.body["result"];
    assert_eq!(message["message_id"], 1);
    assert_eq!(
        message["chat"],
        json!({"id": 1001, "type": "private", "first_name": "Alice"})
    );
    assert_eq!(message["from"]["is_bot"], true);
    assert_eq!(message["from"]["id"], 110201543);
    assert!(message["date"].as_i64().unwrap() > 1_700_000_000);
    assert_eq!(message["text"], "😀 disk & guide");
    assert_eq!(
        message["entities"],
        json!([
            {"type": "bold", "offset": 3, "length": 4},
            {"type": "text_link", "offset": 10, "length": 5, "url": "https://example.com/g"},
        ])
    );
}

#[tokio::test]
async fn given_a_form_or_a_query_when_sent_then_they_are_read_as_well_as_json() {
    let lab = Lab::new().await;
    let url = format!(
        "{}/bot{}/SENDMESSAGE",
        lab.sandbox.url(),
        sandbox::DEFAULT_BOT_TOKEN
    );
    let form = [
        ("chat_id", "1001"),
        ("text", "a <i>b</i>"),
        ("parse_mode", "html"),
        ("link_preview_options", "{\"is_disabled\":true}"),
    ];
    let answer = send(lab.client.post(&url).form(&form)).await;
    assert_eq!(answer.body["result"]["text"], "a b");
    assert_eq!(
        answer.body["result"]["link_preview_options"]["is_disabled"],
        true
    );
    let answer = send(
        lab.client
            .get(&url)
            .query(&[("chat_id", "1001"), ("text", "q")]),
    )
    .await;
    assert_eq!(answer.body["result"]["message_id"], 2);
}

#[tokio::test]
async fn given_markup_that_telegram_does_not_know_when_sent_then_it_cannot_be_parsed() {
    let lab = Lab::new().await;
    for (text, why) in [
        ("a<br>b", "Unsupported start tag \"br\" at byte offset 1"),
        (
            "<ul><li>x</li></ul>",
            "Unsupported start tag \"ul\" at byte offset 0",
        ),
        ("<b>x", "Can't find end tag corresponding to start tag b"),
        (
            "<b>x</i>",
            "Unmatched end tag at byte offset 4, expected \"</b>\", found \"</i>\"",
        ),
        ("5 < 6", "Unsupported start tag \"\" at byte offset 2"),
    ] {
        lab.html(text)
            .await
            .refused(400, &format!("Bad Request: can't parse entities: {why}"));
    }
    assert!(lab.sandbox.messages().is_empty());
}

#[tokio::test]
async fn given_4096_code_points_after_parsing_when_sent_then_they_fit_and_one_more_does_not() {
    let lab = Lab::new().await;
    let fits = format!("<b>{}</b>&amp;", "😀".repeat(4_095));
    assert_eq!(lab.html(&fits).await.status, 200);
    let over = format!("<b>{}</b>&amp;", "😀".repeat(4_096));
    lab.html(&over)
        .await
        .refused(400, "Bad Request: message is too long");
}

#[tokio::test]
async fn given_a_text_of_nothing_when_sent_then_it_is_empty() {
    let lab = Lab::new().await;
    for text in ["", " \n", "<b></b>", "<i> </i>"] {
        lab.html(text)
            .await
            .refused(400, "Bad Request: message text is empty");
    }
    lab.telegram("sendMessage", json!({"chat_id": 1001}))
        .await
        .refused(400, "Bad Request: message text is empty");
}

#[tokio::test]
async fn given_chats_that_cannot_be_written_to_when_sent_then_each_has_its_own_refusal() {
    let lab = Lab::with(SandboxConfig {
        telegram: sandbox::TelegramConfig::default()
            .with_chat(Chat::supergroup(-1_005, "gone").kicked()),
        ..SandboxConfig::default()
    })
    .await;
    for (chat, status, text) in [
        (json!(1002), 403, "Forbidden: bot was blocked by the user"),
        (
            json!("1003"),
            403,
            "Forbidden: bot can't initiate conversation with a user",
        ),
        (json!(1005), 403, "Forbidden: user is deactivated"),
        (
            json!(-1005),
            403,
            "Forbidden: bot was kicked from the supergroup chat",
        ),
        (json!(4242), 400, "Bad Request: chat not found"),
        (json!("@nobody"), 400, "Bad Request: chat not found"),
        (json!(""), 400, "Bad Request: chat_id is empty"),
    ] {
        lab.telegram("sendMessage", json!({"chat_id": chat, "text": "x"}))
            .await
            .refused(status, text);
    }
    let migrated = lab
        .telegram("sendMessage", json!({"chat_id": -4100, "text": "x"}))
        .await;
    migrated.refused(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
    );
    assert_eq!(
        migrated.body["parameters"]["migrate_to_chat_id"],
        -1_001_234_567_890_i64
    );
}

#[tokio::test]
async fn given_private_chats_and_groups_when_sent_to_then_private_chats_share_a_counter() {
    let lab = Lab::new().await;
    let mut ids = Vec::new();
    for chat in [1001_i64, 1004, -1_001_234_567_890, 1001, -1_009_876_543_210] {
        let answer = lab
            .telegram("sendMessage", json!({"chat_id": chat, "text": "x"}))
            .await;
        ids.push(answer.body["result"]["message_id"].as_i64().unwrap());
    }
    assert_eq!(ids, [1, 2, 1, 3, 1]);
}

#[tokio::test]
async fn given_a_channel_when_sent_to_then_the_post_has_a_sender_chat_and_no_author() {
    let lab = Lab::new().await;
    let answer = lab
        .telegram(
            "sendMessage",
            json!({"chat_id": -1_009_876_543_210_i64, "text": "x"}),
        )
        .await;
    assert_eq!(answer.body["result"]["chat"]["type"], "channel");
    assert_eq!(
        answer.body["result"]["sender_chat"]["id"],
        -1_009_876_543_210_i64
    );
    assert_eq!(answer.body["result"]["from"], Value::Null);
}

#[tokio::test]
async fn given_a_sent_message_when_edited_then_it_changes_in_place_and_the_earlier_text_is_kept() {
    let lab = Lab::new().await;
    lab.html("<b>failed</b>").await;
    let edit =
        |text: &str| json!({"chat_id": 1001, "message_id": 1, "text": text, "parse_mode": "HTML"});
    let answer = lab.telegram("editMessageText", edit("<b>fixed</b>")).await;
    assert_eq!(answer.body["result"]["text"], "fixed");
    assert!(answer.body["result"]["edit_date"].is_i64());
    let messages = lab.sandbox.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].text, "fixed");
    assert_eq!(messages[0].earlier[0].text, "failed");
}

#[tokio::test]
async fn given_an_edit_that_changes_nothing_when_sent_then_it_is_not_modified() {
    let lab = Lab::new().await;
    lab.html("<b>same</b>").await;
    let same = json!({"chat_id": 1001, "message_id": 1, "text": " <strong>same</strong>\n", "parse_mode": "HTML"});
    lab.telegram("editMessageText", same).await.refused(
        400,
        "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as \
         a current content and reply markup of the message",
    );
    let plain = json!({"chat_id": 1001, "message_id": 1, "text": "same"});
    assert_eq!(
        lab.telegram("editMessageText", plain).await.status,
        200,
        "other entities are another content"
    );
}

#[tokio::test]
async fn given_messages_that_are_gone_or_not_the_bots_when_edited_or_deleted_then_it_is_refused() {
    let lab = Lab::new().await;
    let edit = |id: i64| json!({"chat_id": 1001, "message_id": id, "text": "x"});
    lab.telegram("editMessageText", edit(7))
        .await
        .refused(400, "Bad Request: message to edit not found");
    lab.telegram("editMessageText", json!({"chat_id": 1001, "text": "x"}))
        .await
        .refused(400, "Bad Request: message identifier is not specified");
    let theirs = lab.sandbox.receive(1001, "/start").unwrap();
    lab.telegram("editMessageText", edit(theirs))
        .await
        .refused(400, "Bad Request: message can't be edited");
    lab.html("mine").await;
    let mine = json!({"chat_id": 1001, "message_id": 2});
    assert_eq!(
        lab.telegram("deleteMessage", mine.clone()).await.body,
        json!({"ok": true, "result": true})
    );
    lab.telegram("deleteMessage", mine)
        .await
        .refused(400, "Bad Request: message to delete not found");
    lab.telegram("editMessageText", edit(2))
        .await
        .refused(400, "Bad Request: message to edit not found");
    assert!(lab.sandbox.messages()[1].deleted);
}

#[tokio::test]
async fn given_wrong_tokens_when_called_then_a_well_formed_one_is_401_and_a_malformed_one_404() {
    let lab = Lab::new().await;
    for (token, status, text) in [
        (
            "110201543:AAwrongwrongwrongwrongwrongwrongwro",
            401,
            "Unauthorized",
        ),
        ("110201543:short", 404, "Not Found"),
        ("token", 404, "Not Found"),
    ] {
        let url = format!("{}/bot{token}/getMe", lab.sandbox.url());
        let answer = send(lab.client.get(url)).await;
        assert_eq!(
            answer.body,
            json!({"ok": false, "error_code": status, "description": text})
        );
        assert_eq!(answer.status, status);
    }
    lab.telegram("sendPigeon", json!({}))
        .await
        .refused(404, "Not Found: method not found");
}

#[tokio::test]
async fn given_enforced_limits_when_a_chat_is_flooded_then_it_is_429_with_retry_after_twice_told() {
    let mut config = SandboxConfig::default();
    config.telegram.enforce_limits = true;
    let lab = Lab::with(config).await;
    let mut refused = None;
    for _ in 0..10 {
        let answer = lab.html("x").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("ten messages in a row to one chat");
    let wait = refused.body["parameters"]["retry_after"].as_u64().unwrap();
    refused.refused(429, &format!("Too Many Requests: retry after {wait}"));
    assert_eq!(refused.headers["retry-after"], wait.to_string().as_str());
    let other = lab
        .telegram("sendMessage", json!({"chat_id": 1004, "text": "x"}))
        .await;
    assert_eq!(other.status, 429, "a flood wait holds for the whole bot");
    lab.sandbox
        .advance_clock(std::time::Duration::from_secs(wait + 5));
    assert_eq!(lab.html("x").await.status, 200);
}

#[tokio::test]
async fn given_the_bot_when_asked_about_itself_its_chats_and_its_updates_then_it_answers() {
    let lab = Lab::new().await;
    let me = lab.telegram("getMe", json!({})).await;
    assert_eq!(me.body["result"]["username"], "auto_remediate_bot");
    let chat = lab
        .telegram("getChat", json!({"chat_id": -1_001_234_567_890_i64}))
        .await;
    assert_eq!(chat.body["result"]["title"], "Platform team");
    lab.telegram("getChat", json!({"chat_id": 1003}))
        .await
        .refused(400, "Bad Request: chat not found");
    assert_eq!(
        lab.telegram("getUpdates", json!({})).await.body["result"],
        json!([])
    );
    lab.sandbox.receive(1004, "/start nonce").unwrap();
    let updates = lab.telegram("getUpdates", json!({"timeout": 30})).await;
    let update = &updates.body["result"][0];
    assert_eq!(update["message"]["text"], "/start nonce");
    assert_eq!(update["message"]["from"]["id"], 1004);
    let next = update["update_id"].as_i64().unwrap() + 1;
    assert_eq!(
        lab.telegram("getUpdates", json!({"offset": next}))
            .await
            .body["result"],
        json!([])
    );
}

#[tokio::test]
async fn given_entities_instead_of_a_parse_mode_when_sent_then_the_text_is_taken_as_it_is() {
    let lab = Lab::new().await;
    let entities = json!([{"type": "bold", "offset": 0, "length": 3}]);
    let params = json!({"chat_id": 1001, "text": "<b> &amp;", "entities": entities});
    let answer = lab.telegram("sendMessage", params).await;
    assert_eq!(answer.body["result"]["text"], "<b> &amp;");
    assert_eq!(answer.body["result"]["entities"], entities);
    let markdown = json!({"chat_id": 1001, "text": "*x*", "parse_mode": "MarkdownV2"});
    assert_eq!(
        lab.telegram("sendMessage", markdown).await.status,
        501,
        "never accepted half-parsed"
    );
    let unknown = json!({"chat_id": 1001, "text": "*x*", "parse_mode": "bbcode"});
    lab.telegram("sendMessage", unknown)
        .await
        .refused(400, "Bad Request: unsupported parse_mode");
}

#[tokio::test]
async fn given_a_broken_body_when_sent_then_the_refusal_says_so() {
    let lab = Lab::new().await;
    let url = format!(
        "{}/bot{}/sendMessage",
        lab.sandbox.url(),
        sandbox::DEFAULT_BOT_TOKEN
    );
    let post = |body: &'static [u8]| {
        lab.client
            .post(&url)
            .header("content-type", "application/json")
            .body(body)
    };
    send(post(b"{\"chat_id\":"))
        .await
        .refused(400, "Bad Request: can't parse JSON content");
    send(post(b"[1]"))
        .await
        .refused(400, "Bad Request: expected an Object");
    send(post(b"{\"text\":\"\xff\"}"))
        .await
        .refused(400, "Bad Request: strings must be encoded in UTF-8");
}
