//! Keys and tokens that their issuers mark with a prefix, so that they can be found.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "secret_api_key",
    kind: Kind::SECRET,
    class: DataClass::Restricted,
    anchor: Anchor::Literals(&[
        "sk-",
        "sk_",
        "rk_",
        "pk_live",
        "AKIA",
        "ASIA",
        "ABIA",
        "ACCA",
        "AIza",
        "ya29.",
        "GOCSPX-",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "gldt-",
        "hf_",
        "xox",
        "xapp-",
        "hooks.slack.com",
        "gsk_",
        "xai-",
        "r8_",
        "pplx-",
        "csk-",
        "tgp_",
        "fw_",
        "npm_",
        "pypi-",
        "SG.",
        "key-",
        "dop_v1_",
        "shpat_",
        "shpss_",
        "sq0",
        "EAA",
        "AccountKey=",
        "SharedAccessKey=",
        "sig=",
        "dapi",
        "nvapi-",
        "lsv2_",
        "phc_",
        "eyJrIjoi",
        "hvs.",
        "hvb.",
        "AGE-SECRET-KEY-",
        "PMAK-",
        "rubygems_",
        "dckr_pat_",
        "sntrys_",
        "whsec_",
        "LTAI",
        "AKLT",
    ]),
    patterns: &[
        // OpenAI, Anthropic, OpenRouter, DeepSeek, Stripe.
        Pattern::word(r"sk-(?:ant-|or-v1-|proj-|svcacct-|admin-|lf-)?[A-Za-z0-9_-]{20,200}", 95),
        Pattern::word(
            r"(?:sk|rk|pk)_(?:live|test|prod)_[A-Za-z0-9]{10,100}|whsec_[A-Za-z0-9+/=]{24,64}",
            95,
        ),
        // Amazon, Alibaba, Volcano.
        Pattern::word(
            r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}|LTAI[A-Za-z0-9]{12,24}|AKLT[A-Za-z0-9]{20,60}",
            95,
        ),
        // Google.
        Pattern::free(
            r"(?-u:\b)AIza[A-Za-z0-9_-]{35}|(?-u:\b)ya29\.[A-Za-z0-9_-]{20,300}|(?-u:\b)GOCSPX-[A-Za-z0-9_-]{28}",
            95,
        ),
        // Azure and its signatures.
        Pattern::free(r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,90}={0,2})", 95),
        Pattern::free(r"[?&]sig=([A-Za-z0-9%]{40,120})", 80),
        // GitHub, GitLab, package registries.
        Pattern::word(
            r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250}|rubygems_[0-9a-f]{48}|dckr_pat_[A-Za-z0-9_-]{27}",
            95,
        ),
        Pattern::free(r"(?-u:\b)(?:glpat|gldt)-[A-Za-z0-9_-]{20,64}", 95),
        // Providers of models.
        Pattern::word(
            r"hf_[A-Za-z0-9]{30,40}|gsk_[A-Za-z0-9]{40,60}|xai-[A-Za-z0-9]{60,90}|r8_[A-Za-z0-9]{37,40}|pplx-[A-Za-z0-9]{40,60}|csk-[a-z0-9]{40,60}|tgp_v1_[A-Za-z0-9_-]{40,60}|fw_[A-Za-z0-9]{22,40}|nvapi-[A-Za-z0-9_-]{60,80}|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
            95,
        ),
        // Slack, Twilio SendGrid, Mailgun, Shopify, Square, Meta, DigitalOcean, Databricks, Vault and others.
        Pattern::free(
            r"(?-u:\b)xox[abeoprs]-[A-Za-z0-9-]{10,250}|(?-u:\b)xapp-[0-9]-[A-Za-z0-9-]{10,250}|hooks\.slack\.com/services/[A-Za-z0-9/]{30,60}",
            95,
        ),
        Pattern::free(
            r"(?-u:\b)SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}|(?-u:\b)key-[0-9a-f]{32}(?-u:\b)|(?-u:\b)dop_v1_[0-9a-f]{64}|(?-u:\b)shp(?:at|ss)_[0-9a-fA-F]{32}",
            95,
        ),
        Pattern::free(
            r"(?-u:\b)sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}|(?-u:\b)EAA[A-Za-z0-9]{60,300}|(?-u:\b)dapi[0-9a-f]{32}(?-u:\b)|(?-u:\b)hv[sb]\.[A-Za-z0-9_-]{24,200}",
            95,
        ),
        Pattern::free(
            r"(?-u:\b)AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}|(?-u:\b)PMAK-[0-9a-f]{24}-[0-9a-f]{34}|(?-u:\b)phc_[A-Za-z0-9]{40,50}|(?-u:\b)sntrys_[A-Za-z0-9+/=_]{40,250}",
            95,
        ),
    ],
    context: &["key", "token", "secret", "api"],
    found: &[
        "export K=⟦AKIAIOSFODNN7EXAMPLE⟧",
        "⟦ghp_0123456789abcdefghijABCDEFGHIJ012345⟧",
        "use ⟦sk-ant-api03-EXAMPLE-EXAMPLE-EXAMPLE⟧",
        "⟦hf_abcdefghijklmnopqrstuvwxyzABCDEFGH⟧",
        "AccountKey=⟦Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9v⟧;",
    ],
    passed_over: &[
        "sk-learn is a library",
        "AKIA",
        "key-value",
        "a risk-averse investor-grade portfolio-manager",
    ],
    ..Recogniser::BASE
};
