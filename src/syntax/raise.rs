//! DO: an anonymous block of RAISE.
//!
//! Its one idea: of PL/pgSQL this server knows what people use to see how a client takes notices and
//! errors; whatever else a block holds is refused by its first word.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind, Result};

use super::dialect::LakeportDialect;
use super::parser::{Parsed, StatementParser, unsupported};
use super::source::{self, Source};
use super::statement::Statement;

/// How much a message matters, as RAISE and `client_min_messages` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For developers.
    Debug,
    /// For administrators.
    Log,
    /// Asked for; always sent.
    Info,
    /// Worth knowing.
    Notice,
    /// Probably a mistake.
    Warning,
    /// It ends the statement.
    Exception,
}

impl Level {
    const ALL: [Level; 6] =
        [Level::Debug, Level::Log, Level::Info, Level::Notice, Level::Warning, Level::Exception];

    /// As a message's severity.
    pub fn severity(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Log => "LOG",
            Level::Info => "INFO",
            Level::Notice => "NOTICE",
            Level::Warning => "WARNING",
            Level::Exception => "ERROR",
        }
    }

    fn word(self) -> &'static str {
        if self == Level::Exception { "EXCEPTION" } else { self.severity() }
    }

    fn sqlstate(self) -> &'static str {
        match self {
            Level::Exception => ErrorKind::RaiseException.sqlstate(),
            Level::Warning => "01000",
            _ => "00000",
        }
    }
}

/// One RAISE.
#[derive(Debug, Clone)]
pub struct Raise {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub error: Error,
}

impl StatementParser<'_> {
    /// `DO [LANGUAGE plpgsql] 'block' [LANGUAGE plpgsql]`.
    pub(super) fn anonymous_block(&mut self) -> Parsed<Statement> {
        self.require("DO")?;
        self.block_language()?;
        let body = self.string()?;
        self.block_language()?;
        Ok(Statement::Do(block(&body)?))
    }

    fn block_language(&mut self) -> Parsed<()> {
        if self.accept("LANGUAGE") {
            let language = match &self.parser.peek_token_ref().token {
                Token::Word(_) => self.identifier()?,
                _ => self.string()?,
            };
            if language != "plpgsql" {
                let message = format!("language \"{language}\" does not exist");
                return Err(Error::new(ErrorKind::UndefinedObject, message).into());
            }
        }
        Ok(())
    }

    fn raise(&mut self) -> Parsed<Raise> {
        let level = Level::ALL.into_iter().find(|level| self.accept(level.word()));
        let level = level.unwrap_or(Level::Exception);
        let mut code = None;
        let mut message = String::new();
        if self.accept("SQLSTATE") {
            let written = self.string()?;
            message.clone_from(&written);
            code = Some(written);
        } else if let Token::Word(_) = &self.parser.peek_token_ref().token {
            if !self.at("USING") {
                message = self.identifier()?;
                code = Some(state_named(&message)?.to_owned());
            }
        } else {
            let format = self.string()?;
            let mut arguments = Vec::new();
            while self.parser.consume_token(&Token::Comma) {
                arguments.push(self.raised_value()?);
            }
            message = formatted(&format, &arguments)?;
        }
        let (mut detail, mut hint) = (None, None);
        if self.accept("USING") {
            for (option, value) in self.comma_separated(Self::raise_option)? {
                match option.as_str() {
                    "message" => message = value,
                    "detail" => detail = Some(value),
                    "hint" => hint = Some(value),
                    "errcode" => code = Some(state(&value)?),
                    _ => return unsupported(format!("{} in RAISE", option.to_uppercase())),
                }
            }
        }
        let code = code.unwrap_or_else(|| level.sqlstate().to_owned());
        let mut error = Error::new(ErrorKind::RaiseException, message).coded(code);
        error = detail.map_or(error.clone(), |detail| error.detail(detail));
        error = hint.map_or(error.clone(), |hint| error.hint(hint));
        Ok(Raise { level, error })
    }

    fn raise_option(&mut self) -> Parsed<(String, String)> {
        let name = self.identifier()?;
        if !self.parser.consume_token(&Token::Eq) {
            self.parser.expect_token(&Token::Assignment)?;
        }
        Ok((name, self.raised_value()?))
    }

    /// A constant as RAISE prints it.
    fn raised_value(&mut self) -> Parsed<String> {
        if self.accept("NULL") {
            return Ok("<NULL>".to_owned());
        }
        let minus = if self.parser.consume_token(&Token::Minus) { "-" } else { "" };
        let token = self.parser.peek_token_ref().token.clone();
        let value = match token {
            Token::Number(number, _) => {
                self.parser.advance_token();
                format!("{minus}{number}")
            }
            Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::DollarQuotedString(_)
                if minus.is_empty() =>
            {
                self.string()?
            }
            _ => return unsupported("an expression in RAISE"),
        };
        match &self.parser.peek_token_ref().token {
            Token::Comma | Token::EOF => Ok(value),
            Token::Word(_) if self.at("USING") => Ok(value),
            _ => unsupported("an expression in RAISE"),
        }
    }
}

/// The messages of a block's body.
fn block(body: &str) -> Result<Vec<Raise>> {
    let source = Source::new(body);
    let mut raised = Vec::new();
    let mut depth = 0_usize;
    let mut ended = false;
    for tokens in source::statements(source.tokens()?) {
        let dialect = LakeportDialect::new(tokens.len());
        let mut parser = StatementParser::new(&source, &dialect, tokens, None);
        let step = if ended { parser.unexpected() } else { step(&mut parser, &mut depth) };
        let step = step.and_then(|step| parser.finish().map(|()| step));
        // Places inside the block mean nothing in the statement.
        raised.extend(parser.settle(step)?);
        ended = depth == 0;
    }
    if ended {
        return Ok(raised);
    }
    Err(Error::new(ErrorKind::SyntaxError, "syntax error at end of input"))
}

fn step(parser: &mut StatementParser<'_>, depth: &mut usize) -> Parsed<Option<Raise>> {
    while parser.accept("BEGIN") {
        *depth += 1;
    }
    if *depth == 0 {
        return unsupported(format!("{} in DO", parser.first_words(1)));
    }
    if parser.accept("END") {
        *depth -= 1;
        return Ok(None);
    }
    if parser.accept("NULL") {
        return Ok(None);
    }
    if parser.accept("RAISE") {
        return parser.raise().map(Some);
    }
    unsupported(format!("{} in DO", parser.first_words(1)))
}

/// `%` stands for the next value, `%%` for itself.
fn formatted(format: &str, values: &[String]) -> Result<String> {
    let wrong = |how: &str| {
        let message = format!("too {how} parameters specified for RAISE");
        Error::new(ErrorKind::SyntaxError, message)
    };
    let mut values = values.iter();
    let mut message = String::new();
    let mut rest = format.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '%' if rest.next_if_eq(&'%').is_some() => message.push('%'),
            '%' => message.push_str(values.next().ok_or_else(|| wrong("few"))?),
            other => message.push(other),
        }
    }
    match values.next() {
        None => Ok(message),
        Some(_) => Err(wrong("many")),
    }
}

/// A SQLSTATE or the name of a condition.
fn state(written: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    if written.len() == 5 && written.bytes().all(plain) {
        return Ok(written.to_owned());
    }
    state_named(written).map(str::to_owned)
}

fn state_named(condition: &str) -> Result<&'static str> {
    let found = ErrorKind::ALL.iter().find(|kind| kind.condition() == condition);
    found.map(|kind| kind.sqlstate()).ok_or_else(|| {
        let message = format!("unrecognized exception condition \"{condition}\"");
        Error::new(ErrorKind::UndefinedObject, message)
    })
}
