//! Numbers as words: Roman digits and the endings of ordinals.
//!
//! Its one idea: tables of letters, nothing else.

/// A number in Roman digits; `#` for one that has none.
pub(super) fn roman(value: i64) -> String {
    if !(1..=3999).contains(&value) {
        return "#".repeat(15);
    }
    const ROMAN: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let (mut left, mut text) = (value, String::new());
    for (worth, letters) in ROMAN {
        while left >= worth {
            text.push_str(letters);
            left -= worth;
        }
    }
    text
}

/// What makes an ordinal of these digits.
pub(super) fn ordinal(number: &[u8], lower: bool) -> String {
    let teen = number.len() > 1 && number.get(number.len() - 2) == Some(&b'1');
    let ending = match number.last() {
        Some(b'1') if !teen => "ST",
        Some(b'2') if !teen => "ND",
        Some(b'3') if !teen => "RD",
        _ => "TH",
    };
    if lower { ending.to_lowercase() } else { ending.to_owned() }
}
