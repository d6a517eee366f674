//! Where a reader is in a list: which row is selected, which is at the top of the window, and whether the
//! list stands still.
//!
//! Everything is held by the rows' ids, never by their places, so that nothing moves under the reader when
//! rows come and go. Newest-first lists grow at the top: a cursor that [`holds`](Cursor::held) shows the list
//! as it was when it was held, and what is newer is counted.

use std::ops::Range;

/// A way through a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first row.
    Home,
    /// To the last row.
    End,
}

/// A place in a list of rows with ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor<I> {
    /// The selected row.
    pub selected: Option<I>,
    /// The newest row that is shown; `None` follows the list.
    pub held: Option<I>,
    top: Option<I>,
}

impl<I> Default for Cursor<I> {
    fn default() -> Self {
        Self { selected: None, held: None, top: None }
    }
}

impl<I: Clone + PartialEq> Cursor<I> {
    /// Moves through `rows`, the ids in the order in which they are shown, `page` of them at a time.
    pub fn step(&mut self, step: Step, rows: &[I], page: usize) {
        let Some(last) = rows.len().checked_sub(1) else { return };
        let page = page.max(1);
        let window = self.window(rows, page);
        let next = match (self.index(rows), step) {
            // The first key makes the selection appear where the eye is.
            (None, Step::Down | Step::Up) => window.start,
            (None, Step::PageDown) => window.start.saturating_add(page).min(last),
            (None, Step::PageUp | Step::Home) | (Some(_), Step::Home) => 0,
            (_, Step::End) => last,
            (Some(at), Step::Up) => at.saturating_sub(1),
            (Some(at), Step::Down) => at.saturating_add(1).min(last),
            (Some(at), Step::PageUp) => at.saturating_sub(page),
            (Some(at), Step::PageDown) => at.saturating_add(page).min(last),
        };
        self.select(next, rows, page, window.start);
    }

    /// Selects the row at `index`, if there is one.
    pub fn select_at(&mut self, index: usize, rows: &[I], page: usize) {
        if index < rows.len() {
            let start = self.window(rows, page).start;
            self.select(index, rows, page, start);
        }
    }

    fn select(&mut self, index: usize, rows: &[I], page: usize, start: usize) {
        self.selected = rows.get(index).cloned();
        let start = start.clamp((index + 1).saturating_sub(page), index);
        self.top = rows.get(start).cloned();
    }

    /// Lets go: nothing is selected, and the list is followed.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    /// Which rows a window of `height` shows: the one at its top stays there, and the selected one is inside.
    pub fn window(&self, rows: &[I], height: usize) -> Range<usize> {
        let latest = rows.len().saturating_sub(height);
        let held = self.top.as_ref().and_then(|top| rows.iter().position(|id| id == top));
        let mut start = held.or_else(|| self.index(rows)).unwrap_or(0).min(latest);
        if let Some(at) = self.index(rows) {
            start = start.clamp((at + 1).saturating_sub(height.max(1)), at);
        }
        start..rows.len().min(start.saturating_add(height))
    }

    /// The place of the selected row.
    pub fn index(&self, rows: &[I]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        rows.iter().position(|id| id == selected)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEPS: [Step; 6] = [Step::Up, Step::Down, Step::PageUp, Step::PageDown, Step::Home, Step::End];

    proptest! {
        #[test]
        fn wherever_one_goes_the_selected_row_is_in_the_window(
            steps in prop::collection::vec(prop::sample::select(STEPS.to_vec()), 0..30),
            length in 0_u32..40,
            height in 0_usize..15,
        ) {
            let rows: Vec<u32> = (0..length).collect();
            let mut cursor = Cursor::default();
            for step in steps {
                cursor.step(step, &rows, height);
                let window = cursor.window(&rows, height);
                prop_assert!(window.len() <= height && window.end <= rows.len());
                match cursor.index(&rows) {
                    Some(at) => prop_assert!(window.contains(&at) || height == 0),
                    None => prop_assert!(rows.is_empty()),
                }
            }
        }

        #[test]
        fn rows_that_come_above_do_not_move_what_is_read(length in 1_u32..40, height in 1_usize..10, new in 0_u32..20) {
            let rows: Vec<u32> = (100..100 + length).collect();
            let mut cursor = Cursor::default();
            cursor.step(Step::PageDown, &rows, height);
            cursor.step(Step::Down, &rows, height);
            let before: Vec<u32> = rows[cursor.window(&rows, height)].to_vec();
            let more: Vec<u32> = (100 - new..100 + length).collect();
            let after: Vec<u32> = more[cursor.window(&more, height)].to_vec();
            if before.len() == height {
                prop_assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn the_first_key_selects_and_the_next_moves() {
        let rows = [1, 2, 3];
        let mut cursor = Cursor::default();
        cursor.step(Step::Down, &rows, 2);
        assert_eq!(cursor.selected, Some(1));
        cursor.step(Step::Down, &rows, 2);
        assert_eq!(cursor.selected, Some(2));
        cursor.step(Step::End, &rows, 2);
        assert_eq!((cursor.selected, cursor.window(&rows, 2)), (Some(3), 1..3));
    }

    #[test]
    fn a_selected_row_that_has_gone_leaves_the_list_in_peace() {
        let mut cursor = Cursor::default();
        cursor.step(Step::End, &[1, 2, 3], 2);
        assert_eq!(cursor.window(&[7, 8, 9], 2), 0..2);
    }
}
