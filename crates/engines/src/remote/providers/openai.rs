//! OpenAI.

use super::{Dialect, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    speaks: Speaks::OpenAi(Dialect { moderations: true, ..Dialect::OPENAI }),
    ..Provider::OPENAI
};
