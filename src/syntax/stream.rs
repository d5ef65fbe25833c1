//! `STREAM read_files(...)`: what a streaming table reads, taken out of its query.
//!
//! The planner has no such function; the query is parsed over a relation of a fixed name instead, in
//! the tree and in the text that is stored, so that either can be planned later.

use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::error::{Error, ErrorKind, Result};

use super::dialect::LakeportDialect;
use super::parser::{Parsed, StatementParser};
use super::source::{self, Source, is_word, significant};
use super::statement::{ReadFiles, STREAM_RELATION};

/// The one stream of a statement.
pub(super) struct Stream {
    pub(super) files: ReadFiles,
    start: Location,
    end: Location,
}

impl Stream {
    /// Replaces `STREAM read_files(...)` by one identifier.
    pub(super) fn take(
        source: &Source<'_>,
        tokens: Vec<TokenWithSpan>,
    ) -> Result<(Vec<TokenWithSpan>, Option<Self>)> {
        let words: Vec<usize> =
            (0..tokens.len()).filter(|index| significant(&tokens[*index])).collect();
        let starts = |at: &usize| {
            let token = |n: usize| words.get(at + n).map(|index| &tokens[*index].token);
            token(0).is_some_and(|token| is_word(token, "STREAM"))
                && token(1).is_some_and(|token| is_word(token, "read_files"))
                && token(2) == Some(&Token::LParen)
        };
        let mut found = (0..words.len()).filter(starts);
        let Some(at) = found.next() else { return Ok((tokens, None)) };
        if let Some(second) = found.next() {
            let position = source.position(tokens[words[second]].span.start);
            return Err(Error::unsupported("more than one STREAM in a query").at(position));
        }
        let (first, open) = (words[at], words[at + 2]);
        let Some(close) = closing(&tokens, open) else {
            let error = Error::new(ErrorKind::SyntaxError, "syntax error at end of input");
            return Err(error.at(source.end()));
        };
        let files = read_arguments(source, tokens[open + 1..close].to_vec(), &tokens[close])?;
        let (start, end) = (tokens[first].span.start, tokens[close].span.end);
        let mut span = tokens[first].span;
        span.end = end;
        let mut replaced = tokens[..first].to_vec();
        replaced.push(source::identifier(STREAM_RELATION, span));
        replaced.extend_from_slice(&tokens[close + 1..]);
        Ok((replaced, Some(Self { files, start, end })))
    }
}

fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

fn read_arguments(
    source: &Source<'_>,
    mut tokens: Vec<TokenWithSpan>,
    close: &TokenWithSpan,
) -> Result<ReadFiles> {
    // The bracket stays, so that a missing argument is reported where it is missing.
    tokens.push(close.clone());
    let dialect = LakeportDialect::new(tokens.len());
    let mut parser = StatementParser::new(source, &dialect, tokens, None);
    let parsed = parser.read_files();
    parser.settle(parsed)
}

impl StatementParser<'_> {
    fn read_files(&mut self) -> Parsed<ReadFiles> {
        let path = self.string()?;
        let mut options: Vec<(String, String)> = Vec::new();
        while self.parser.consume_token(&Token::Comma) {
            let place = self.parser.peek_token();
            let name = self.identifier()?.to_ascii_lowercase();
            if options.iter().any(|(known, _)| *known == name) {
                let message = format!("argument name \"{name}\" used more than once");
                let position = self.source.position(place.span.start);
                return Err(Error::new(ErrorKind::SyntaxError, message).at(position).into());
            }
            self.parser.expect_token(&Token::RArrow)?;
            options.push((name, self.option_value()?));
        }
        self.parser.expect_token(&Token::RParen)?;
        self.finish()?;
        Ok(ReadFiles { path, options })
    }

    fn option_value(&mut self) -> Parsed<String> {
        let minus = self.parser.consume_token(&Token::Minus);
        let number = match &self.parser.peek_token_ref().token {
            Token::Number(number, _) => Some(number.clone()),
            _ => None,
        };
        if let Some(number) = number {
            self.parser.advance_token();
            return Ok(if minus { format!("-{number}") } else { number });
        }
        if minus {
            return self.unexpected();
        }
        if matches!(self.parser.peek_token_ref().token, Token::Word(_)) {
            return self.identifier();
        }
        self.string()
    }

    /// A query's text as it is stored: with the relation's name where the stream was.
    pub(super) fn with_stream_relation(&self, start: Location, text: &str) -> String {
        let Some(stream) = &self.stream else { return text.to_owned() };
        let before = self.source.slice(start, stream.start).len();
        let length = self.source.slice(stream.start, stream.end).len();
        match (text.get(..before), text.get(before + length..)) {
            (Some(head), Some(tail)) => format!("{head}{STREAM_RELATION}{tail}"),
            _ => text.to_owned(),
        }
    }
}
