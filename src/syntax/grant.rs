//! Roles, GRANT and REVOKE.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

use super::object_name::ObjectName;
use super::parser::{Parsed, StatementParser, unsupported};
use super::statement::{Grant, RoleOptions, Statement};

/// A privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// Read rows. On a schema: of every relation in it, present and future.
    Select,
    /// Add rows. On a schema: to every table in it.
    Insert,
    /// Refer to a schema's names.
    Usage,
    /// Make relations in a schema.
    Create,
    /// REFRESH a view.
    Refresh,
    /// Call a function.
    Execute,
}

/// What a grant is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantObject {
    /// ON SCHEMA.
    Schemas(Vec<String>),
    /// ON, or ON TABLE.
    Relations(Vec<ObjectName>),
    /// ON FUNCTION.
    Functions(Vec<ObjectName>),
    /// GRANT role TO role: membership.
    Roles(Vec<String>),
}

// What is written before ON (privileges) or TO (roles), told apart only when that word is reached.
struct Listed {
    words: Vec<String>,
    positions: Vec<usize>,
}

impl StatementParser<'_> {
    pub(super) fn role(&mut self, user: bool) -> Parsed<Statement> {
        let if_not_exists = self.accept("IF NOT EXISTS");
        let name = self.identifier()?;
        self.accept("WITH");
        let mut options = RoleOptions { login: user, superuser: false };
        loop {
            if self.accept("LOGIN") {
                options.login = true;
            } else if self.accept("NOLOGIN") {
                options.login = false;
            } else if self.accept("SUPERUSER") {
                options.superuser = true;
            } else if self.accept("NOSUPERUSER") {
                options.superuser = false;
            } else if !self.accept("INHERIT") {
                break;
            }
        }
        if self.at("PASSWORD") || self.at("ENCRYPTED PASSWORD") {
            let error = Error::unsupported("PASSWORD in SQL")
                .hint("Password verifiers are files, named in [auth] of lakeport.toml.");
            return Err(error.into());
        }
        let others = [
            "CREATEDB",
            "NOCREATEDB",
            "CREATEROLE",
            "NOCREATEROLE",
            "NOINHERIT",
            "REPLICATION",
            "NOREPLICATION",
            "BYPASSRLS",
            "NOBYPASSRLS",
            "CONNECTION",
            "VALID",
            "IN",
            "ROLE",
            "ADMIN",
            "USER",
            "SYSID",
        ];
        if let Some(option) = others.into_iter().find(|option| self.at(option)) {
            return unsupported(format!("the role option {option}"));
        }
        Ok(Statement::CreateRole { name, options, if_not_exists })
    }

    pub(super) fn grant_or_revoke(&mut self) -> Parsed<Statement> {
        let grant = self.accept("GRANT");
        if !grant {
            self.require("REVOKE")?;
            if self.at("GRANT OPTION FOR") || self.at("ADMIN OPTION FOR") {
                return unsupported(format!("REVOKE {}", self.first_words(3)));
            }
        }
        let listed = self.privilege_words()?;
        let (privileges, object) = if self.accept("ON") {
            let object = self.grant_object()?;
            (self.privileges(&listed, &object)?, object)
        } else {
            (Vec::new(), GrantObject::Roles(listed.words))
        };
        self.require(if grant { "TO" } else { "FROM" })?;
        let roles = self.comma_separated(Self::grantee)?;
        if self.at("WITH") {
            return unsupported(self.first_words(3));
        }
        if self.at("GRANTED BY") {
            return unsupported("GRANTED BY");
        }
        if self.at("CASCADE") {
            return unsupported("REVOKE ... CASCADE");
        }
        self.accept("RESTRICT");
        let change = Grant { privileges, object, roles };
        Ok(if grant { Statement::Grant(change) } else { Statement::Revoke(change) })
    }

    fn privilege_words(&mut self) -> Parsed<Listed> {
        let mut positions = Vec::new();
        let words = self.comma_separated(|parser| {
            let start = parser.parser.peek_token_ref().span.start;
            positions.push(parser.source.position(start));
            let word = parser.identifier()?;
            if word == "all" {
                parser.accept("PRIVILEGES");
            }
            Ok(word)
        })?;
        Ok(Listed { words, positions })
    }

    fn grantee(&mut self) -> Parsed<String> {
        self.accept("GROUP");
        self.identifier()
    }

    fn grant_object(&mut self) -> Parsed<GrantObject> {
        if self.accept("SCHEMA") {
            return Ok(GrantObject::Schemas(self.comma_separated(Self::identifier)?));
        }
        if self.at("ALL") {
            let error = Error::unsupported(format!("GRANT ON {}", self.first_words(4)))
                .hint("A privilege ON SCHEMA covers every relation in it, present and future.");
            return Err(error.into());
        }
        let others = [
            "DATABASE",
            "DOMAIN",
            "FOREIGN",
            "LANGUAGE",
            "LARGE",
            "PARAMETER",
            "PROCEDURE",
            "SEQUENCE",
            "TABLESPACE",
            "TYPE",
        ];
        if let Some(other) = others.into_iter().find(|other| self.at(other)) {
            return unsupported(format!("GRANT ON {other}"));
        }
        if self.accept("FUNCTION") || self.accept("ROUTINE") {
            return Ok(GrantObject::Functions(self.comma_separated(Self::function_name)?));
        }
        if !self.accept("TABLE") && !self.accept("MATERIALIZED VIEW") {
            self.accept("VIEW");
        }
        Ok(GrantObject::Relations(self.comma_separated(Self::object_name)?))
    }

    fn privileges(&self, listed: &Listed, object: &GrantObject) -> Parsed<Vec<Privilege>> {
        use Privilege::{Create, Insert, Refresh, Select, Usage};
        let schema = matches!(object, GrantObject::Schemas(_));
        let function = matches!(object, GrantObject::Functions(_));
        let mut privileges = Vec::new();
        for (word, position) in listed.words.iter().zip(&listed.positions) {
            match word.as_str() {
                "all" | "execute" if function => privileges.push(Privilege::Execute),
                other if function => {
                    let message =
                        format!("invalid privilege type {} for function", other.to_uppercase());
                    return Err(Error::new(ErrorKind::InvalidParameterValue, message)
                        .at(*position)
                        .into());
                }
                "all" if schema => privileges.extend([Select, Insert, Usage, Create, Refresh]),
                "all" => privileges.extend([Select, Insert, Refresh]),
                "select" => privileges.push(Select),
                "insert" => privileges.push(Insert),
                "refresh" => privileges.push(Refresh),
                "usage" | "create" if !schema => {
                    let message = format!(
                        "invalid privilege type {} for relation",
                        word.to_ascii_uppercase()
                    );
                    return Err(Error::new(ErrorKind::InvalidParameterValue, message)
                        .at(*position)
                        .into());
                }
                "usage" => privileges.push(Usage),
                "create" => privileges.push(Create),
                "update" | "delete" | "truncate" | "references" | "trigger" | "connect"
                | "execute" | "temporary" | "temp" | "maintain" => {
                    return unsupported(format!("the privilege {}", word.to_ascii_uppercase()));
                }
                _ => {
                    let message = format!("unrecognized privilege type \"{word}\"");
                    let error = Error::new(ErrorKind::SyntaxError, message);
                    return Err(error.at(*position).into());
                }
            }
        }
        privileges.sort_unstable();
        privileges.dedup();
        Ok(privileges)
    }
}
