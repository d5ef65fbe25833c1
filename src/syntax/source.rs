//! One text and its tokens: where things stand, and what a parser's complaint means in Postgres' words.
//!
//! Its one idea: every place is a character counted from 1 in the text that was handed in, as
//! Postgres reports positions. Knows no grammar.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{
    Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError, Word,
};

use crate::error::{Error, ErrorKind, Result};

use super::dialect::LakeportDialect;
use super::foreign::is_foreign_clause;
use super::split;

/// A text, with what is needed to turn a line and column into a position.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    // Characters before each line.
    lines: Vec<usize>,
    ascii: bool,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut lines = vec![0];
        let newlines = text.chars().enumerate().filter(|(_, c)| *c == '\n');
        lines.extend(newlines.map(|(index, _)| index + 1));
        Self { text, lines, ascii: text.is_ascii() }
    }

    /// The text's tokens, white space and comments included.
    pub(super) fn tokens(&self) -> Result<Vec<TokenWithSpan>> {
        let dialect = LakeportDialect::new(0);
        let mut tokenizer = Tokenizer::new(&dialect, self.text);
        let tokens = tokenizer.tokenize_with_location();
        tokens.map_err(|error| self.unreadable(&error))
    }

    /// Characters from 1; the end of the text for a place the parser does not know.
    pub(super) fn position(&self, location: Location) -> usize {
        let line = usize::try_from(location.line).unwrap_or(0);
        let column = usize::try_from(location.column).unwrap_or(0);
        match self.lines.get(line.wrapping_sub(1)) {
            Some(before) => before + column.max(1),
            None => self.end(),
        }
    }

    /// One past the last character.
    pub(super) fn end(&self) -> usize {
        if self.ascii { self.text.len() + 1 } else { self.text.chars().count() + 1 }
    }

    /// The byte at which the character at `position` starts.
    pub(super) fn byte(&self, position: usize) -> usize {
        let index = position.saturating_sub(1);
        if self.ascii {
            return index.min(self.text.len());
        }
        self.text.char_indices().nth(index).map_or(self.text.len(), |(byte, _)| byte)
    }

    /// The text from one place up to another.
    pub(super) fn slice(&self, from: Location, to: Location) -> &'a str {
        let from = self.byte(self.position(from));
        let to = self.byte(self.position(to));
        self.text.get(from..to).unwrap_or_default()
    }

    /// `syntax error at or near "token"`, or at the end of the input.
    pub(super) fn syntax_error(&self, token: &TokenWithSpan) -> Error {
        if token.token == Token::EOF || token.span == Span::empty() {
            return Error::new(ErrorKind::SyntaxError, "syntax error at end of input")
                .at(self.end());
        }
        self.near(self.slice(token.span.start, token.span.end), token.span.start)
    }

    /// The error of sqlparser, at the place it names; `current` is where its parser stands.
    pub(super) fn parser_error(
        &self,
        error: &ParserError,
        tokens: &[TokenWithSpan],
        current: &TokenWithSpan,
    ) -> Error {
        let message = match error {
            ParserError::RecursionLimitExceeded => return too_complex(),
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        };
        if message.contains("found: EOF") {
            return Error::new(ErrorKind::SyntaxError, "syntax error at end of input")
                .at(self.end());
        }
        let named = location_in(message)
            .and_then(|location| tokens.iter().find(|token| token.span.start == location));
        self.syntax_error(named.unwrap_or(current))
    }

    fn near(&self, text: &str, location: Location) -> Error {
        let message = format!("syntax error at or near \"{text}\"");
        Error::new(ErrorKind::SyntaxError, message).at(self.position(location))
    }

    fn unreadable(&self, error: &TokenizerError) -> Error {
        let what = match error.message.as_str() {
            message if message.starts_with("Expected close delimiter") => {
                "unterminated quoted identifier"
            }
            message if message.contains("multi-line comment") => "unterminated /* comment",
            message if message.contains("dollar-quoted") => "unterminated dollar-quoted string",
            message if message.starts_with("Unterminated") => "unterminated quoted string",
            _ => "syntax error",
        };
        // What is never closed is reported where it opens.
        let byte = match what {
            "syntax error" => self.byte(self.position(error.location)),
            _ => split::last_opened(self.text),
        };
        let (before, rest) = self.text.split_at_checked(byte).unwrap_or((self.text, ""));
        let position = before.chars().count() + 1;
        // A whole script may follow: what matters is where it begins.
        let shown: String = rest.lines().next().unwrap_or_default().chars().take(60).collect();
        Error::new(ErrorKind::SyntaxError, format!("{what} at or near \"{shown}\"")).at(position)
    }
}

fn location_in(message: &str) -> Option<Location> {
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
}

fn too_complex() -> Error {
    Error::new(ErrorKind::StatementTooComplex, "statement is too deeply nested")
        .hint("Split it, for example with a common table expression or a view.")
}

/// The tokens of each statement, separators left out, blank ones too.
pub(super) fn statements(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut all = vec![Vec::new()];
    for token in tokens {
        match token.token {
            Token::SemiColon => all.push(Vec::new()),
            Token::EOF => {}
            _ => {
                if let Some(last) = all.last_mut() {
                    last.push(token);
                }
            }
        }
    }
    all.retain(|statement| statement.iter().any(significant));
    all
}

/// Neither white space nor comment.
pub(super) fn significant(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(_))
}

/// Whether a token is this unquoted word, in any case.
pub(super) fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// An unquoted identifier token.
pub(super) fn identifier(name: &str, span: Span) -> TokenWithSpan {
    let word = Word { value: name.to_owned(), quote_style: None, keyword: Keyword::NoKeyword };
    TokenWithSpan { token: Token::Word(word), span }
}

/// Makes tokens read as Postgres would, where sqlparser would not.
///
/// `TABLE t` becomes `SELECT * FROM t` (sqlparser reads past its end), words of other systems' clauses become
/// plain identifiers again, so that they may be aliases, and `$$text$$` is the literal that it is.
pub(super) fn postgres_tokens(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut read: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut before: Option<Token> = None;
    let mut joined = false;
    for index in 0..tokens.len() {
        if std::mem::take(&mut joined) {
            continue;
        }
        let token = &tokens[index];
        if !significant(token) {
            read.push(token.clone());
            continue;
        }
        // A parameter is `$1` in Postgres, and `?` an operator.
        if token.token == Token::Placeholder("?".to_owned()) {
            let next = tokens.get(index + 1);
            let (operator, both) = match next.map(|next| &next.token) {
                Some(Token::Pipe) => (Token::QuestionPipe, true),
                Some(Token::Ampersand) => (Token::QuestionAnd, true),
                _ => (Token::Question, false),
            };
            joined = both;
            before = Some(operator.clone());
            let end = next.filter(|_| both).map_or(token.span.end, |next| next.span.end);
            let span = Span { end, ..token.span };
            read.push(TokenWithSpan { token: operator, span });
            continue;
        }
        if let (Token::DollarQuotedString(quoted), false) = (&token.token, is_body(before.as_ref()))
        {
            let literal = Token::SingleQuotedString(quoted.value.clone());
            read.push(TokenWithSpan { token: literal.clone(), span: token.span });
            before = Some(literal);
            continue;
        }
        let mut following = tokens[index + 1..].iter().filter(|t| significant(t));
        let next = following.next().map(|t| &t.token);
        if is_word(&token.token, "TABLE") && starts_query(before.as_ref()) && names_table(next) {
            read.extend(select_all(token.span));
        } else if is_foreign_clause(before.as_ref(), &token.token, next) {
            let mut plain = token.clone();
            if let Token::Word(word) = &mut plain.token {
                word.keyword = Keyword::NoKeyword;
            }
            read.push(plain);
        } else {
            read.push(token.clone());
        }
        before = Some(token.token.clone());
    }
    read
}

fn starts_query(before: Option<&Token>) -> bool {
    match before {
        None | Some(Token::LParen) => true,
        Some(token) => ["UNION", "ALL", "DISTINCT", "EXCEPT", "INTERSECT", "AS", "ANALYZE"]
            .iter()
            .any(|word| is_word(token, word)),
    }
}

fn names_table(next: Option<&Token>) -> bool {
    match next {
        Some(Token::Word(word)) => !matches!(
            word.keyword,
            Keyword::FROM
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::HAVING
                | Keyword::TO
                | Keyword::IF
        ),
        _ => false,
    }
}

fn select_all(span: Span) -> [TokenWithSpan; 3] {
    let keyword = |value: &str, keyword| TokenWithSpan {
        token: Token::Word(Word { value: value.to_owned(), quote_style: None, keyword }),
        span,
    };
    [
        keyword("SELECT", Keyword::SELECT),
        TokenWithSpan { token: Token::Mul, span },
        keyword("FROM", Keyword::FROM),
    ]
}

/// Whether what comes next in dollars is a function's text, and no literal.
fn is_body(before: Option<&Token>) -> bool {
    before.is_some_and(|before| is_word(before, "AS") || is_word(before, "DO"))
}

/// Operators that may follow each other in one expression, and set operations in one query: the
/// parser turns a chain into a tree as deep as the chain is long, and every walk over it needs stack
/// for the whole depth.
const OPERATORS_MAX: usize = 250;
const SET_OPERATIONS_MAX: usize = 250;

/// How deep the tree of what stands between two brackets gets, as far as tokens tell.
#[derive(Default)]
struct Chain {
    set_operations: usize,
    // AND and OR hold the terms between them, so the longest term counts.
    conditions: usize,
    longest_term: usize,
    term: usize,
}

impl Chain {
    fn next_condition(&mut self) {
        self.conditions += 1;
        self.longest_term = self.longest_term.max(self.term);
        self.term = 0;
    }

    fn next_expression(&mut self) {
        *self = Self { set_operations: self.set_operations, ..Self::default() };
    }

    fn is_too_long(&self) -> bool {
        self.conditions + self.longest_term.max(self.term) > OPERATORS_MAX
            || self.set_operations > SET_OPERATIONS_MAX
    }
}

/// Refuses chains of operators that would make a tree too deep to walk.
///
/// # Errors
/// `StatementTooComplex`.
pub(super) fn check_chains(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut open = vec![Chain::default()];
    for token in tokens {
        let Some(chain) = open.last_mut() else { break };
        match &token.token {
            Token::LParen => open.push(Chain::default()),
            Token::LBracket => {
                chain.term += 1;
                open.push(Chain::default());
            }
            Token::RParen | Token::RBracket => {
                if open.len() > 1 {
                    open.pop();
                }
            }
            Token::Comma => chain.next_expression(),
            Token::Word(word) if word.quote_style.is_none() => count_word(chain, word.keyword),
            Token::Whitespace(_)
            | Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Placeholder(_)
            | Token::Period => {}
            _ => chain.term += 1,
        }
        if open.last().is_some_and(Chain::is_too_long) {
            return Err(too_complex());
        }
    }
    Ok(())
}

fn count_word(chain: &mut Chain, word: Keyword) {
    match word {
        Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => chain.set_operations += 1,
        Keyword::SELECT
        | Keyword::FROM
        | Keyword::WHERE
        | Keyword::HAVING
        | Keyword::WHEN
        | Keyword::THEN
        | Keyword::ELSE
        | Keyword::JOIN
        | Keyword::ON => chain.next_expression(),
        Keyword::AND | Keyword::OR => chain.next_condition(),
        Keyword::NOT
        | Keyword::IS
        | Keyword::IN
        | Keyword::LIKE
        | Keyword::ILIKE
        | Keyword::SIMILAR
        | Keyword::BETWEEN
        | Keyword::COLLATE
        | Keyword::AT
        | Keyword::OPERATOR
        | Keyword::NOTNULL => chain.term += 1,
        _ => {}
    }
}
