//! The dashboard as a function: what is known, a theme and a size in; a picture out.
//!
//! Everything that happens is a [`Msg`]; [`update`] takes it into the [`Model`] and answers with [`Effect`]s,
//! values that the composition root carries out. [`draw`] reads the model and can change nothing. No file,
//! no socket, no clock: time comes as [`Msg::Tick`], facts of the link as plain structs in [`facts`].

pub mod action;
pub mod cursor;
pub mod effect;
pub mod facts;
pub mod glyphs;
pub mod keymap;
pub mod layout;
pub mod locale;
pub mod log;
pub mod model;
pub mod msg;
pub mod status;
pub mod theme;
pub mod update;
pub mod view;
pub mod widget;

pub use effect::Effect;
pub use keymap::Keymap;
pub use locale::Locale;
pub use model::{Model, Setup};
pub use msg::Msg;
pub use theme::{Depth, Theme};
pub use update::update;
pub use view::draw;
