//! Words that begin a clause in other dialects, and are names in Postgres.
//!
//! Its one idea: what stands before and behind such a word tells which it is. QUALIFY is the one clause of another
//! dialect that is read; all other words stay names. Looks at tokens only.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::dialect::is_reserved;
use super::source::is_word;

/// Whether a word that the parser would take for another dialect's clause is a name here.
pub(super) fn is_foreign_clause(
    before: Option<&Token>,
    token: &Token,
    next: Option<&Token>,
) -> bool {
    let at = is_word(token, "AT") && !next.is_some_and(|next| is_word(next, "TIME"));
    let foreign = ["BEFORE", "CHANGES", "TOP", "PREWHERE", "SORT", "DISTRIBUTE"];
    let qualify = is_word(token, "QUALIFY") && !is_qualify(before, next);
    at || qualify || foreign.iter().any(|word| is_word(token, word))
}

/// Whether QUALIFY between these begins the clause, and is no name of the user's: it follows what ends a table or
/// a condition, and a condition follows.
fn is_qualify(before: Option<&Token>, next: Option<&Token>) -> bool {
    const NAMED_NEXT: [Keyword; 24] = [
        Keyword::ADD,
        Keyword::ALL,
        Keyword::BETWEEN,
        Keyword::BY,
        Keyword::CASE,
        Keyword::COLUMN,
        Keyword::COPY,
        Keyword::DISTINCT,
        Keyword::DROP,
        Keyword::EXISTS,
        Keyword::HAVING,
        Keyword::ILIKE,
        Keyword::IS,
        Keyword::JOIN,
        Keyword::LIKE,
        Keyword::NOT,
        Keyword::ONLY,
        Keyword::SELECT,
        Keyword::SET,
        Keyword::TABLE,
        Keyword::UPDATE,
        Keyword::VIEW,
        Keyword::WHERE,
        Keyword::WITH,
    ];
    const BEHIND_ALIAS: [Keyword; 11] = [
        Keyword::CROSS,
        Keyword::FULL,
        Keyword::INNER,
        Keyword::JOIN,
        Keyword::LEFT,
        Keyword::NATURAL,
        Keyword::RETURNING,
        Keyword::RIGHT,
        Keyword::SET,
        Keyword::TABLESAMPLE,
        Keyword::WHERE,
    ];
    let ends = match before {
        Some(Token::Word(word)) => {
            word.quote_style.is_some()
                || !is_reserved(word.keyword) && !NAMED_NEXT.contains(&word.keyword)
        }
        Some(Token::RParen | Token::RBracket | Token::Number(..)) => true,
        Some(Token::SingleQuotedString(_)) => true,
        _ => false,
    };
    let begins = match next {
        Some(Token::Word(word)) => {
            word.quote_style.is_some()
                || !is_reserved(word.keyword) && !BEHIND_ALIAS.contains(&word.keyword)
        }
        Some(Token::LParen | Token::Number(..) | Token::SingleQuotedString(_)) => true,
        _ => false,
    };
    ends && begins
}
