//! Calls of SQL functions, replaced by what they stand for.
//!
//! Its one idea: it is done in the text, before anything is parsed or planned, so that whatever reads a
//! query afterwards sees plain SQL. Only names with their schema are calls of such functions. Knows no
//! types: arguments and results are cast to the declared ones.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, ErrorKind, Result};

use super::function::Parameter;
use super::source::{Source, is_word, significant};

/// Functions that call each other deeper are a mistake, or a circle.
const DEPTH_MAX: usize = 16;
/// What a text may grow to.
const BYTES_MAX: usize = 4 << 20;

/// A function, as a call of it is replaced.
#[derive(Debug, Clone, Copy)]
pub struct FunctionText<'a> {
    /// In order.
    pub parameters: &'a [Parameter],
    /// The type of the result.
    pub returns: &'a str,
    /// The expression over the parameters.
    pub body: &'a str,
}

/// The function of a schema and name.
pub type FindFunction<'a> = &'a dyn Fn(&str, &str) -> Option<FunctionText<'a>>;

/// `text` with every call of a function that `find` knows replaced; `None` where there is none.
///
/// # Errors
/// `UndefinedFunction` for arguments that do not fit, `StatementTooComplex`.
pub fn expand_functions(text: &str, find: FindFunction<'_>) -> Result<Option<String>> {
    expand(text, find, 0)
}

fn expand(text: &str, find: FindFunction<'_>, depth: usize) -> Result<Option<String>> {
    let source = Source::new(text);
    // What cannot be read is left to whoever parses it, who says why.
    let Ok(tokens) = source.tokens() else { return Ok(None) };
    let tokens: Vec<TokenWithSpan> = tokens.into_iter().filter(significant).collect();
    let mut out = String::new();
    let (mut at, mut copied) = (0, 0);
    while at + 3 < tokens.len() {
        let Some(function) = called(&tokens, at, find) else {
            at += 1;
            continue;
        };
        if depth >= DEPTH_MAX {
            let message = format!("functions call each other more than {DEPTH_MAX} deep");
            return Err(Error::new(ErrorKind::StatementTooComplex, message));
        }
        let Some(close) = closing(&tokens, at + 3) else { break };
        let start = source.byte(source.position(tokens[at].span.start));
        let end = source.byte(source.position(tokens[close].span.end));
        let name = text.get(start..source.byte(source.position(tokens[at + 2].span.end)));
        let arguments = arguments(&source, &tokens[at + 4..close], find, depth)?;
        let body = instance(name.unwrap_or_default(), function, arguments)?;
        let body = expand(&body, find, depth + 1)?.unwrap_or(body);
        out.push_str(text.get(copied..start).unwrap_or_default());
        out.push_str(&body);
        if out.len() > BYTES_MAX {
            let message = "functions make the statement too long";
            return Err(Error::new(ErrorKind::StatementTooComplex, message));
        }
        copied = end;
        at = close + 1;
    }
    if copied == 0 {
        return Ok(None);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(Some(out))
}

fn name_of(token: &Token) -> Option<String> {
    let Token::Word(word) = token else { return None };
    Some(match word.quote_style {
        Some(_) => word.value.clone(),
        None => word.value.to_ascii_lowercase(),
    })
}

/// The function whose call `schema.name(` begins at a token.
fn called<'f>(
    tokens: &[TokenWithSpan],
    at: usize,
    find: FindFunction<'f>,
) -> Option<FunctionText<'f>> {
    if tokens[at + 1].token != Token::Period || tokens[at + 3].token != Token::LParen {
        return None;
    }
    // After these a relation is named, with its columns.
    let relation = ["INTO", "TABLE", "VIEW", "FROM", "JOIN", "FUNCTION", "EXISTS"];
    if let Some(before) = at.checked_sub(1).map(|before| &tokens[before].token)
        && (*before == Token::Period || relation.iter().any(|word| is_word(before, word)))
    {
        return None;
    }
    find(&name_of(&tokens[at].token)?, &name_of(&tokens[at + 2].token)?)
}

fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

/// The arguments between the brackets: their names, where written, and their texts.
fn arguments(
    source: &Source<'_>,
    tokens: &[TokenWithSpan],
    find: FindFunction<'_>,
    depth: usize,
) -> Result<Vec<(Option<String>, String)>> {
    let mut parts: Vec<&[TokenWithSpan]> = Vec::new();
    let (mut level, mut start) = (0_i32, 0);
    for (index, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => level += 1,
            Token::RParen | Token::RBracket | Token::RBrace => level -= 1,
            Token::Comma if level == 0 => {
                parts.push(&tokens[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if !tokens.is_empty() {
        parts.push(&tokens[start..]);
    }
    let mut arguments = Vec::new();
    for part in parts {
        let (name, value) = match part {
            [name, arrow, value @ ..] if arrow.token == Token::RArrow => {
                (name_of(&name.token), value)
            }
            value => (None, value),
        };
        let (Some(first), Some(last)) = (value.first(), value.last()) else {
            return Err(Error::new(ErrorKind::SyntaxError, "syntax error at or near \",\""));
        };
        let text = source.slice(first.span.start, last.span.end);
        let text = expand(text, find, depth)?.unwrap_or_else(|| text.to_owned());
        arguments.push((name, text));
    }
    Ok(arguments)
}

/// The body with the arguments in place of the parameters.
fn instance(
    name: &str,
    function: FunctionText<'_>,
    arguments: Vec<(Option<String>, String)>,
) -> Result<String> {
    let given = arguments.len();
    let unfit = || {
        let message = format!("function {name} does not take these {given} arguments");
        let takes: Vec<String> =
            function.parameters.iter().map(|p| format!("{} {}", p.name, p.sql_type)).collect();
        Error::new(ErrorKind::UndefinedFunction, message)
            .hint(format!("It takes ({}).", takes.join(", ")))
    };
    let mut values: Vec<Option<String>> = vec![None; function.parameters.len()];
    for (position, (name, text)) in arguments.into_iter().enumerate() {
        let place = match name {
            Some(name) => function.parameters.iter().position(|p| p.name == name),
            None => Some(position),
        };
        let value = place.and_then(|place| values.get_mut(place)).ok_or_else(unfit)?;
        if value.replace(text).is_some() {
            return Err(unfit());
        }
    }
    let values = values
        .into_iter()
        .zip(function.parameters)
        .map(|(value, parameter)| {
            let value = value.or_else(|| parameter.default.clone()).ok_or_else(unfit)?;
            Ok(format!("CAST(({value}) AS {})", parameter.sql_type))
        })
        .collect::<Result<Vec<String>>>()?;
    let body = substituted(function, &values)?;
    Ok(format!("CAST(({body}) AS {})", function.returns))
}

fn substituted(function: FunctionText<'_>, values: &[String]) -> Result<String> {
    let source = Source::new(function.body);
    let tokens: Vec<TokenWithSpan> = source.tokens()?.into_iter().filter(significant).collect();
    let (mut out, mut copied) = (String::new(), 0);
    for (index, token) in tokens.iter().enumerate() {
        let Some(name) = name_of(&token.token) else { continue };
        let Some(place) = function.parameters.iter().position(|p| p.name == name) else { continue };
        let before = index.checked_sub(1).map(|before| &tokens[before].token);
        let after = tokens.get(index + 1).map(|after| &after.token);
        // The name of a type, of a function or of a part, which may be called like a parameter.
        let type_name = before.is_some_and(|t| is_word(t, "AS") || *t == Token::DoubleColon)
            || matches!(after, Some(Token::SingleQuotedString(_)));
        let part = before == Some(&Token::Period) || matches!(after, Some(Token::LParen));
        if type_name || part {
            continue;
        }
        let start = source.byte(source.position(token.span.start));
        out.push_str(function.body.get(copied..start).unwrap_or_default());
        out.push_str(&values[place]);
        copied = source.byte(source.position(token.span.end));
    }
    out.push_str(function.body.get(copied..).unwrap_or_default());
    Ok(out)
}
