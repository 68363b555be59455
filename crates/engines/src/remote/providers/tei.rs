//! Text Embeddings Inference: vectors only.

use super::{Dialect, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "tei",
    speaks: Speaks::OpenAi(Dialect { chat: false, ..Dialect::SELF_HOSTED }),
    probe: Probe { health: Some("/health"), version: Some(("/info", "version")), ..Probe::NONE },
    ..Provider::SELF_HOSTED
};
