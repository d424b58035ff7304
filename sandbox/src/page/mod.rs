//! The page on which a person sees what was sent.

use hyper::StatusCode;

use crate::http::Reply;
use crate::state::World;

pub(crate) fn render(_world: &World) -> Reply {
    Reply::content(StatusCode::OK, "text/html;charset=UTF-8", "")
}
pub(crate) fn stylesheet() -> Reply {
    Reply::content(StatusCode::OK, "text/css;charset=UTF-8", "")
}
pub(crate) fn script() -> Reply {
    Reply::content(StatusCode::OK, "text/javascript;charset=UTF-8", "")
}
