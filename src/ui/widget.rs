//! Small drawings, none of which knows the venue: text in columns, bars, charts, frames, big digits.

pub mod big;
pub mod gauge;
pub mod page;
pub mod pane;
pub mod pen;
pub mod spark;

pub use big::Big;
pub use gauge::Gauge;
pub use page::Page;
pub use pane::Pane;
pub use pen::Pen;
pub use spark::Spark;
