//! Azure OpenAI, version 1 of its API: the address is the resource's own
//! (`https://NAME.openai.azure.com/openai/v1`), a model is a deployment's name.

use super::{Auth, Provider};

pub const PROVIDER: Provider =
    Provider { name: "azure", url: None, auth: Auth::Header("api-key"), ..Provider::OPENAI };
