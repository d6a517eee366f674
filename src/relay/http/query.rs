//! A request's query, decoded: the parameters as they came, in their order.
//!
//! Keys are compared without regard to case, as the signature does. A parameter that is meant to stand there
//! once and stands there twice is refused: two readers would take two different values for meant.

/// The parameters of one request.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

/// A parameter that stands in the query more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} stands in the query more than once")]
pub struct Twice(&'static str);

impl Query {
    /// Decodes what follows the `?`. Whatever it is, it has some reading.
    pub fn parse(text: &str) -> Self {
        Self(super::pairs(text.as_bytes()))
    }

    /// The value of a parameter; `None` if it is missing.
    pub fn value(&self, name: &'static str) -> Result<Option<&str>, Twice> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(Twice(name)),
        }
    }

    /// All values of a parameter, in their order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_it = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.0.iter().filter(of_it).map(|(_, value)| value.as_str())
    }

    /// All parameters, in their order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_decoded_whatever_its_place_and_case() {
        let query = Query::parse("b=2&Info=user_count%2C+cache&&x&a=%C3%A9");
        assert_eq!(query.value("info"), Ok(Some("user_count, cache")));
        assert_eq!(query.value("a"), Ok(Some("é")));
        assert_eq!(query.value("x"), Ok(Some("")));
        assert_eq!(query.value("c"), Ok(None));
    }

    #[test]
    fn what_stands_there_twice_has_no_value() {
        let query = Query::parse("info=a&INFO=a&channels[]=1&channels%5B%5D=2");
        assert_eq!(query.value("info"), Err(Twice("info")));
        assert_eq!(query.values("channels[]").collect::<Vec<_>>(), ["1", "2"]);
    }
}
