//! One spelling for texts that mean the same.
//!
//! Two definitions are compared by their tokens, so that comments, white space and the case of words
//! ask for no rebuild. Does not parse: text that is no SQL is compared as it stands.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::source::{Source, significant};

/// The text without comments, single spaces between tokens, unquoted words in lower case, no closing
/// `;`. Text that cannot be split into tokens comes back trimmed.
pub fn normalize(text: &str) -> String {
    let source = Source::new(text);
    let Ok(tokens) = source.tokens() else { return text.trim().to_owned() };
    let mut normal = String::with_capacity(text.len());
    for token in tokens.iter().filter(|token| significant(token)) {
        if matches!(token.token, Token::EOF) {
            break;
        }
        if !normal.is_empty() {
            normal.push(' ');
        }
        match &token.token {
            Token::Word(word) if word.quote_style.is_none() => {
                normal.push_str(&word.value.to_ascii_lowercase());
            }
            _ => normal.push_str(source.slice(token.span.start, token.span.end)),
        }
    }
    let end = normal.trim_end_matches([' ', ';']).len();
    normal.truncate(end);
    normal
}
