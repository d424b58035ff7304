//! Chats as the people in them see them.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::outbox::Message;
use crate::telegram::{Chat, ChatKind, Entity, Reach};

use super::escape::{escape, hue, initials, link, time};
use super::{BUBBLES_SHOWN, CHATS_SHOWN, earlier, plural};

pub(super) fn section(out: &mut String, chats: &[Chat], messages: &[Message]) {
    out.push_str("<section aria-labelledby=\"telegram\"><h2 id=\"telegram\">Telegram</h2>\n");
    if messages.is_empty() {
        out.push_str("<p class=\"empty\">No message yet.</p>\n");
    }
    // The chat with the newest message stands first.
    let mut by_chat: Vec<Vec<&Message>> = Vec::new();
    let mut place: HashMap<i64, usize> = HashMap::new();
    for message in messages.iter().rev() {
        let at = *place.entry(message.chat_id).or_insert(by_chat.len());
        if at == by_chat.len() {
            by_chat.push(Vec::new());
        }
        by_chat[at].push(message);
    }
    for newest_first in by_chat.iter().take(CHATS_SHOWN) {
        chat(out, newest_first);
    }
    earlier(
        out,
        by_chat.len(),
        CHATS_SHOWN,
        ("chat", "chats"),
        "messages",
    );
    directory(out, chats);
    out.push_str("</section>\n");
}

fn chat(out: &mut String, newest_first: &[&Message]) {
    let Some(first) = newest_first.first() else {
        return;
    };
    let kind = match first.chat_kind {
        ChatKind::Private => "private chat",
        other => other.as_str(),
    };
    let _ = write!(
        out,
        "<article class=\"chat\"><header><span class=\"badge hue{}\" aria-hidden=\"true\">{}</span>\
         <div><h3>{}</h3><p>{kind} · <span class=\"id\">{}</span></p></div></header>\n<ol class=\"bubbles\">\n",
        hue(&first.chat),
        initials(&first.chat),
        escape(&first.chat),
        first.chat_id,
    );
    let shown = newest_first.len().min(BUBBLES_SHOWN);
    for message in newest_first[..shown].iter().rev() {
        bubble(out, message);
    }
    out.push_str("</ol>\n");
    let words = ("message", "messages");
    earlier(out, newest_first.len(), BUBBLES_SHOWN, words, "messages");
    out.push_str("</article>\n");
}

fn bubble(out: &mut String, message: &Message) {
    let mut classes = String::from(if message.from_bot {
        "bubble"
    } else {
        "bubble mine"
    });
    if message.deleted {
        classes.push_str(" deleted");
    }
    let _ = write!(
        out,
        "<li class=\"{classes}\"><div class=\"text\">{}</div><footer>",
        rich(&message.text, &message.entities)
    );
    if message.deleted {
        out.push_str("<span class=\"tag bad\">deleted</span>");
    }
    if message.silent {
        out.push_str("<span class=\"tag\">silent</span>");
    }
    let edits = message.earlier.len();
    if edits > 0 {
        let times = if edits == 1 {
            "once".into()
        } else {
            format!("{edits} times")
        };
        let _ = write!(out, "<span class=\"tag edited\">edited {times}</span>");
    }
    let _ = write!(
        out,
        "<span class=\"id\">#{}</span>{}</footer>",
        message.message_id,
        time(message.edited_at.unwrap_or(message.sent_at)),
    );
    if edits > 0 {
        let _ = write!(
            out,
            "<details id=\"m{}-{}\"><summary>{edits} earlier {}</summary>",
            message.chat_id,
            message.message_id,
            plural(edits, "version", "versions"),
        );
        for revision in message.earlier.iter().rev() {
            let _ = write!(
                out,
                "<div class=\"revision\">{}<div class=\"text\">{}</div></div>",
                time(revision.at),
                rich(&revision.text, &revision.entities)
            );
        }
        out.push_str("</details>");
    }
    out.push_str("</li>\n");
}

fn directory(out: &mut String, chats: &[Chat]) {
    let _ = write!(
        out,
        "<details id=\"chats\" class=\"directory\"><summary>{} {} known to the bot</summary><ul>",
        chats.len(),
        plural(chats.len(), "chat", "chats"),
    );
    for chat in chats {
        let state = match chat.reach {
            Reach::Reachable => "<span class=\"tag good\">reachable</span>".to_owned(),
            Reach::Blocked => "<span class=\"tag bad\">blocked the bot</span>".to_owned(),
            Reach::NeverStarted => "<span class=\"tag bad\">never pressed Start</span>".to_owned(),
            Reach::Deactivated => "<span class=\"tag bad\">deactivated</span>".to_owned(),
            Reach::Kicked => "<span class=\"tag bad\">removed the bot</span>".to_owned(),
            Reach::Migrated { to } => format!("<span class=\"tag\">now {to}</span>"),
        };
        let _ = write!(
            out,
            "<li>{} <span class=\"id\">{}</span> {state}</li>",
            escape(&chat.name),
            chat.id
        );
    }
    out.push_str("</ul></details>\n");
}

/// Text with its entities as HTML. Entities that cross each other are cut at the border of the outer one.
fn rich(text: &str, entities: &[Entity]) -> String {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut out = String::new();
    let all: Vec<&Entity> = entities.iter().collect();
    span(&mut out, &units, 0, units.len(), &all);
    out
}

fn span(out: &mut String, units: &[u16], from: usize, to: usize, entities: &[&Entity]) {
    let mut at = from;
    let mut rest = entities;
    while let Some((outer, others)) = rest.split_first() {
        let start = outer.offset.clamp(at, to);
        let end = outer.end().clamp(start, to);
        let inside = others.iter().take_while(|inner| inner.offset < end).count();
        let mut before = decode(units, at, start);
        // A block begins and ends its line by itself.
        if is_block(outer) && before.ends_with('\n') {
            before.pop();
        }
        out.push_str(&escape(&before));
        if end > start {
            let mut content = String::new();
            span(&mut content, units, start, end, &others[..inside]);
            let plain = decode(units, start, end);
            out.push_str(&wrap(outer, &plain, &content));
        }
        let newline_follows = is_block(outer) && end < to && units.get(end) == Some(&0x0A);
        at = end + usize::from(newline_follows);
        rest = &others[inside..];
    }
    out.push_str(&escape(&decode(units, at, to)));
}

fn is_block(entity: &Entity) -> bool {
    matches!(
        entity.kind.as_str(),
        "pre" | "blockquote" | "expandable_blockquote"
    )
}

fn decode(units: &[u16], from: usize, to: usize) -> String {
    String::from_utf16_lossy(units.get(from..to).unwrap_or_default())
}

fn wrap(entity: &Entity, plain: &str, content: &str) -> String {
    let tag = match entity.kind.as_str() {
        "bold" => "b",
        "italic" => "i",
        "underline" => "u",
        "strikethrough" => "s",
        "code" => "code",
        "blockquote" | "expandable_blockquote" => "blockquote",
        "pre" => {
            let language = entity.language.as_deref().unwrap_or_default();
            let caption = if language.is_empty() {
                String::new()
            } else {
                format!("<span class=\"language\">{}</span>", escape(language))
            };
            return format!("<pre tabindex=\"0\">{caption}<code>{content}</code></pre>");
        }
        "spoiler" => return format!("<span class=\"spoiler\">{content}</span>"),
        "text_link" => return link(entity.url.as_deref().unwrap_or_default(), content),
        "url" => return link(plain, content),
        "email" => return link(&format!("mailto:{plain}"), content),
        _ => return content.to_owned(),
    };
    format!("<{tag}>{content}</{tag}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_nested_entities_and_hostile_text_when_rendered_then_tags_balance_and_data_is_escaped()
    {
        let entities = [Entity::new("bold", 7, 7), Entity::new("italic", 12, 2)];
        assert_eq!(
            rich("😀 <b> bold it", &entities),
            "😀 &lt;b&gt; <b>bold <i>it</i></b>"
        );
    }

    #[test]
    fn given_entities_that_cross_when_rendered_then_the_inner_one_is_cut() {
        let entities = [Entity::new("bold", 0, 3), Entity::new("italic", 2, 3)];
        assert_eq!(rich("abcdef", &entities), "<b>ab<i>c</i></b>def");
    }

    #[test]
    fn given_a_link_with_a_dangerous_scheme_when_rendered_then_only_its_text_is_left() {
        let entity = Entity {
            url: Some("javascript:alert(1)".into()),
            ..Entity::new("text_link", 0, 1)
        };
        assert_eq!(rich("x", &[entity]), "x");
    }
}
