//! All that is known of one payment: its wait, its money, its booking, and the other payments of that booking.

use super::queue::{Wait, ending};
use crate::domain::payment::PaymentView;
use crate::ui::model::Model;
use crate::ui::theme::Role;
use crate::ui::view::words;
use crate::ui::widget::Page;
use crate::untrusted::Untrusted;

pub(super) fn page(model: &Model, payment: &PaymentView, width: u16) -> Page {
    let words = &model.locale;
    let safe = |text: &str| Untrusted::new(text).line(100);
    let mut page = Page::new(width);
    let entry = |page: &mut Page, label: &'static str, text: &str, role: Role| {
        page.entry(words.word(label), Role::Dim, text, role);
    };
    let who = payment.customer_name.as_deref().map_or_else(|| words.word("line.somebody").to_owned(), safe);
    let code = payment.code.as_deref().map(safe).unwrap_or_default();
    page.row(vec![(code, Role::Code), ("  ".to_owned(), Role::Text), (who, Role::Name)]);
    wait(model, payment, &mut page);
    let unknown = || words.word("line.unknown").to_owned();
    let amount = payment.amount.map_or_else(unknown, |amount| words::money(model, amount));
    entry(&mut page, "payments.amount", &amount, Role::Money);
    if let Some(booked) = payment.differs_from() {
        let booked = words.fill("payments.booked_for", &[("amount", &words::money(model, booked))]);
        entry(&mut page, "", &format!("! {booked}"), Role::Act);
    }
    entry(&mut page, "payments.method", &payment.method.as_deref().map_or_else(unknown, safe), Role::Text);
    if let Some(status) = &payment.status {
        entry(&mut page, "payments.status", &safe(status), Role::Code);
    }
    entry(&mut page, "payments.id", &safe(payment.payment_id.as_str()), Role::Dim);
    page.blank();
    booking(model, payment, &mut page);
    if let Some(booking) = payment.booking.as_ref().filter(|_| payment.siblings > 1) {
        page.blank();
        let title = words.count("payments.siblings", payment.siblings as u64);
        page.row(vec![(format!("! {title}"), Role::Act)]);
        for sibling in model.venue.payments_for(booking, model.now) {
            let amount = sibling.amount.map_or_else(unknown, |amount| words::money(model, amount));
            let (state, role) = match sibling.ended {
                Some((_, outcome)) => (words.word(ending(outcome).0).to_owned(), ending(outcome).1),
                None => (words.word("line.waits").to_owned(), Role::Act),
            };
            page.row(vec![
                (format!("  {:<6} ", words::clock(model, sibling.since)), Role::Dim),
                (format!("{amount}  "), Role::Money),
                (format!("{state} "), role),
                (words::age(model, sibling.age), Role::Dim),
            ]);
        }
    }
    page
}

fn wait(model: &Model, payment: &PaymentView, page: &mut Page) {
    let words = &model.locale;
    let (time, span) = (words::clock(model, payment.since), words::age(model, payment.age));
    if let Some((at, outcome)) = payment.ended {
        let (word, role) = ending(outcome);
        let at = words::clock(model, at);
        let text =
            words.fill("payments.ended", &[("word", words.word(word)), ("time", &at), ("span", &span)]);
        page.entry(words.word("payments.asked"), Role::Dim, &time, Role::Text);
        page.entry(words.word("payments.end"), Role::Dim, &text, role);
        return;
    }
    let (mark, word, role, _) = Wait::of(model, payment.age).look();
    let since = words.fill("link.since_line", &[("time", &time), ("span", &span)]);
    let role = if mark.is_empty() { Role::Text } else { role };
    let text = word.map_or_else(|| since.clone(), |word| format!("{since}  {mark} {}", words.word(word)));
    page.entry(words.word("link.since"), Role::Dim, &text, role);
}

fn booking(model: &Model, payment: &PaymentView, page: &mut Page) {
    let words = &model.locale;
    let safe = |text: &str| Untrusted::new(text).line(100);
    let seen = &payment.seen;
    page.heading(words.word("payments.booking"));
    if payment.booking.is_none() {
        page.text(2, words.word("payments.no_booking"), Role::Dim);
        return;
    }
    match seen.made_at {
        Some(at) => {
            let made = words::clock(model, at);
            page.entry(words.word("payments.made"), Role::Dim, &made, Role::Text);
            if let Some(amount) = seen.amount {
                let amount = words::money(model, amount);
                page.entry(words.word("payments.price"), Role::Dim, &amount, Role::Money);
            }
        }
        None => page.text(2, words.word("payments.unseen_long"), Role::Dim),
    }
    if let Some(session) = &payment.session_name {
        page.entry(words.word("payments.session"), Role::Dim, &safe(session), Role::Text);
    }
    if let Some(status) = &seen.status {
        page.entry(words.word("payments.status"), Role::Dim, &safe(status), Role::Code);
    }
    if let Some(at) = seen.in_at {
        page.entry(words.word("payments.came"), Role::Dim, &words::clock(model, at), Role::Arrive);
    }
}
