//! OpenAI.

use super::Provider;

pub const PROVIDER: Provider = Provider::OPENAI;
