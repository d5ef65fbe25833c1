//! Numerics as Postgres sends them.

use bytes::{BufMut, BytesMut};

use crate::query::text::numeric_text;

/// Appends a decimal as Postgres sends it: groups of four digits, base 10000.
pub(super) fn put_numeric_binary(unscaled: &str, scale: i8, out: &mut BytesMut) {
    put_plain_number(&numeric_text(unscaled, scale), out);
}

/// Appends a number by its figures.
pub(super) fn put_plain_number(text: &str, out: &mut BytesMut) {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = Vec::with_capacity(text.len() / 4 + 2);
    let lead = whole.len() % 4;
    if lead > 0 {
        groups.push(group(&whole[..lead]));
    }
    groups.extend(whole.as_bytes()[lead..].chunks(4).map(group_of_bytes));
    let mut weight = groups.len() as i16 - 1;
    for chunk in fraction.as_bytes().chunks(4) {
        // The last group of the fraction is filled up on its right.
        let filled = group_of_bytes(chunk) * 10_i16.pow(4 - chunk.len() as u32);
        groups.push(filled);
    }
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= leading as i16;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    out.put_i16(groups.len() as i16);
    out.put_i16(weight);
    out.put_u16(if negative && !groups.is_empty() { 0x4000 } else { 0 });
    out.put_i16(fraction.len() as i16);
    for group in groups {
        out.put_i16(group);
    }
}

fn group(figures: &str) -> i16 {
    group_of_bytes(figures.as_bytes())
}

fn group_of_bytes(figures: &[u8]) -> i16 {
    figures.iter().fold(0, |sum, figure| sum * 10 + i16::from(figure - b'0'))
}
