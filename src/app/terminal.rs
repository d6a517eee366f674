//! The one guard of the terminal, the painter, and the stream of keys.
//!
//! [`Terminal::enter`] takes the screen (raw mode, alternate screen, mouse, paste, focus, no cursor) and gives
//! all of it back when dropped, and when any task or thread panics. [`Painter`] writes the cells that differ
//! from what is shown and nothing at all where none do. [`Input`] is what the reader types, and ends when the
//! terminal is gone. What is drawn is decided in `ui`.

mod ink;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture, Event, KeyEventKind,
};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

/// Why the terminal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Standard output is none.
    #[error("standard output is no terminal")]
    None,
    /// Nobody says what it is.
    #[error("the dashboard needs one that can address its cursor, and TERM is not set")]
    Unknown,
    /// It prints a line after the other, and no more.
    #[error("the dashboard needs one that can address its cursor, and TERM is `{0}`")]
    Dumb(String),
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether the terminal is ours at this moment. There is one terminal, and a panic hook cannot own it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, as long as it is ours.
pub struct Terminal {
    painter: Painter<BufWriter<Stdout>>,
}

impl Terminal {
    /// Takes the terminal. Fails where standard output is none, where its kind (`TERM`) is not known to do what
    /// a screen needs, or where the system refuses; then nothing has changed.
    pub fn enter(kind: Option<&str>) -> Result<Self, Error> {
        if !io::stdout().is_terminal() {
            return Err(Error::None);
        }
        match kind.filter(|kind| !kind.is_empty()) {
            None => return Err(Error::Unknown),
            Some(kind @ ("dumb" | "unknown")) => return Err(Error::Dumb(kind.to_owned())),
            Some(_) => {}
        }
        give_back_on_panic();
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        // From here on the guard's drop undoes whatever part of this was reached.
        let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
        let writer = BufWriter::with_capacity(64 * 1024, io::stdout());
        let mut terminal = Self { painter: Painter::new(writer, columns, rows) };
        terminal.take()?;
        Ok(terminal)
    }

    fn take(&mut self) -> io::Result<()> {
        let writer = &mut self.painter.writer;
        execute!(
            writer,
            EnterAlternateScreen,
            Hide,
            EnableMouseCapture,
            EnableBracketedPaste,
            EnableFocusChange
        )?;
        execute!(writer, Clear(ClearType::All))
    }

    /// Draws, and shows what differs. Fails when the terminal is gone or was given back by a panic.
    pub fn paint(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the terminal has been given back"));
        }
        self.painter.paint(draw)
    }

    /// Follows the terminal's new size; the next painting shows everything anew.
    pub fn resize(&mut self, columns: u16, rows: u16) -> io::Result<()> {
        self.painter.resize(columns, rows)
    }

    /// The size in columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.painter.shown.area.width, self.painter.shown.area.height)
    }

    /// The terminal's size if it is no longer the one that is drawn for: the news of a change can be missed while
    /// the program starts.
    pub fn resized(&self) -> Option<(u16, u16)> {
        let told = crossterm::terminal::window_size().ok()?;
        let size = (told.columns, told.rows);
        (size != self.size() && size != (0, 0)).then_some(size)
    }

    /// Hands a sequence to the terminal that draws nothing, a copy to its clipboard for one.
    pub fn send(&mut self, sequence: &str) -> io::Result<()> {
        self.painter.writer.write_all(sequence.as_bytes())?;
        self.painter.writer.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Undoes all that [`Terminal::enter`] did; a second call does nothing. Errors are for nobody: either the
/// terminal is gone, or there is no better way to say so than through it.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        ResetColor,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// A panic, wherever it happens, gives the terminal back before its message is printed.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
}

/// Shows buffers, by writing what differs from the last one in one synchronized update.
struct Painter<W: Write> {
    writer: W,
    shown: Buffer,
    next: Buffer,
}

impl<W: Write> Painter<W> {
    fn new(writer: W, columns: u16, rows: u16) -> Self {
        let blank = Buffer::empty(Rect::new(0, 0, columns, rows));
        Self { writer, shown: blank.clone(), next: blank }
    }

    fn resize(&mut self, columns: u16, rows: u16) -> io::Result<()> {
        let area = Rect::new(0, 0, columns, rows);
        if area != self.shown.area {
            (self.shown, self.next) = (Buffer::empty(area), Buffer::empty(area));
        }
        // Terminals reflow and leave remains: what is shown now is unknown.
        self.shown.reset();
        queue!(self.writer, ResetColor, Clear(ClearType::All))
    }

    fn paint(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        self.next.reset();
        draw(self.next.area, &mut self.next);
        let changes = self.shown.diff(&self.next);
        if !changes.is_empty() {
            queue!(self.writer, BeginSynchronizedUpdate)?;
            ink::write(&mut self.writer, changes)?;
            queue!(self.writer, EndSynchronizedUpdate)?;
            self.writer.flush()?;
        }
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(())
    }
}

/// What the reader types, clicks and pastes.
pub struct Input {
    events: mpsc::Receiver<Event>,
    pulse: Interval,
}

impl Input {
    /// How often the terminal is asked whether it is still there.
    const PULSE: Duration = Duration::from_secs(1);

    /// Starts to listen. Call it within a runtime, once, while the terminal is ours.
    pub fn open() -> io::Result<Self> {
        let (sender, events) = mpsc::channel(256);
        // A thread of its own: on a dead terminal crossterm reads for ever without returning, and a task that
        // waits for it would take the runtime with it. The process does not wait for this thread at its end.
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            while let Ok(event) = crossterm::event::read() {
                if is_input(&event) && sender.blocking_send(event).is_err() {
                    break;
                }
            }
        })?;
        let mut pulse = tokio::time::interval(Self::PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { events, pulse })
    }

    /// The next event; `None` once the terminal is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                event = self.events.recv() => return event,
                _ = self.pulse.tick() => if !io::stdout().is_terminal() { return None },
            }
        }
    }
}

/// Keys count when pressed, not again when let go.
fn is_input(event: &Event) -> bool {
    match event {
        Event::Key(key) => key.kind != KeyEventKind::Release,
        Event::Mouse(_) | Event::Paste(_) | Event::Resize(..) | Event::FocusGained | Event::FocusLost => true,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn written(painter: &mut Painter<Vec<u8>>, text: &str) -> String {
        painter
            .paint(|area, buffer| {
                buffer.set_stringn(0, 0, text, usize::from(area.width), Style::new());
            })
            .expect("a vector takes everything");
        String::from_utf8(std::mem::take(&mut painter.writer)).expect("text")
    }

    #[test]
    fn only_what_differs_is_written_and_the_same_picture_writes_nothing() {
        let mut painter = Painter::new(Vec::new(), 20, 2);
        let first = written(&mut painter, "14:31 Melati");
        assert!(first.starts_with("\x1b[?2026h") && first.ends_with("\x1b[?2026l"), "{first:?}");
        assert_eq!(written(&mut painter, "14:31 Melati"), "");
        let minute = written(&mut painter, "14:32 Melati");
        assert!(minute.contains('2') && !minute.contains("Melati") && !minute.contains("14"), "{minute:?}");
    }

    #[test]
    fn a_new_size_shows_everything_anew() {
        let mut painter = Painter::new(Vec::new(), 20, 2);
        written(&mut painter, "14:31");
        painter.resize(20, 2).expect("a vector takes everything");
        assert!(written(&mut painter, "14:31").contains("14:31"));
    }

    #[test]
    fn a_key_counts_once() {
        use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
        for (kind, counts) in
            [(KeyEventKind::Press, true), (KeyEventKind::Repeat, true), (KeyEventKind::Release, false)]
        {
            let key = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, kind);
            assert_eq!(is_input(&Event::Key(key)), counts);
        }
    }
}
