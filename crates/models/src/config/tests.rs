use super::*;

const MINILM: &str = r#"{"model_type":"bert","hidden_act":"gelu","hidden_size":384,
    "intermediate_size":1536,"layer_norm_eps":1e-12,"max_position_embeddings":512,
    "num_attention_heads":12,"num_hidden_layers":6,"vocab_size":30522}"#;

fn parse(text: &str) -> Result<EncoderConfig, ModelError> {
    EncoderConfig::parse(text.as_bytes(), Path::new("base/config.json"))
}

#[track_caller]
fn refused(text: &str, words: &[&str]) {
    let message = parse(text).expect_err("the file is wrong").to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

#[test]
fn minilm_is_read() {
    let config = parse(MINILM).unwrap();
    assert_eq!((config.hidden, config.heads, config.head_width()), (384, 12, 32));
    assert_eq!((config.tokens_max, config.type_rows), (512, 2));
    assert_eq!(config.layer_names(3).up, "encoder.layer.3.intermediate.dense");
}

#[test]
fn roberta_counts_positions_from_after_the_padding_token() {
    let text = MINILM.replace("\"bert\"", "\"xlm-roberta\"").replace("512", "514");
    let config = parse(&text).unwrap();
    assert_eq!(config.positions, Positions::Learned { offset: 2 });
    assert_eq!(config.tokens_max, 512);
}

#[test]
fn both_spellings_of_modernbert_mean_the_same() {
    let common = r#""model_type":"modernbert","vocab_size":50368,"hidden_size":768,
        "intermediate_size":1152,"num_hidden_layers":4,"num_attention_heads":12"#;
    let old = format!(
        "{{{common},\"global_attn_every_n_layers\":3,\"global_rope_theta\":160000.0,\"local_rope_theta\":10000.0}}"
    );
    let new = format!(
        r#"{{{common},"layer_types":["full_attention","sliding_attention","sliding_attention","full_attention"],
        "rope_parameters":{{"full_attention":{{"rope_type":"default","rope_theta":160000.0}},
        "sliding_attention":{{"rope_type":"default","rope_theta":10000.0}}}}}}"#
    );
    let config = parse(&old).unwrap();
    assert_eq!(config, parse(&new).unwrap());
    assert_eq!(config.attention[2].reach, Some(64));
    assert_eq!(config.attention[3], LayerAttention { reach: None, rotary_base: Some(160_000.0) });
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    refused(&MINILM.replace("\"bert\"", "\"llama\""), &["llama", "modernbert", "xlm-roberta"]);
    refused(&MINILM.replace("\"gelu\"", "\"xielu\""), &["xielu"]);
    let relative = MINILM.replace('{', "{\"position_embedding_type\":\"relative_key\",");
    refused(&relative, &["relative_key"]);
}

#[test]
fn damaged_files_are_refused_with_their_path_and_key() {
    refused("", &["base/config.json"]);
    refused("[1]", &["base/config.json"]);
    refused(&MINILM.replace("hidden_size", "hidden_sise"), &["hidden_size", "missing"]);
    refused(&MINILM.replace("384", "-4"), &["hidden_size"]);
    refused(&MINILM.replace("384", "385"), &["385", "12 heads"]);
    refused(&MINILM.replace("384", "0"), &["hidden size is 0"]);
    refused(&MINILM.replace(":6", ":60000"), &["layers is 60000"]);
}
