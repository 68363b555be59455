//! The exact strings of the OCI image specification 1.1 and of CNCF ModelPack (model-spec,
//! `specs-go/v1/mediatype.go` and `annotations.go`).

/// An OCI manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The `artifactType` of a ModelPack manifest.
pub const MODEL_MANIFEST: &str = "application/vnd.cncf.model.manifest.v1+json";
/// The config blob of a ModelPack manifest.
pub const MODEL_CONFIG: &str = "application/vnd.cncf.model.config.v1+json";
/// One file of weights.
pub const WEIGHT_RAW: &str = "application/vnd.cncf.model.weight.v1.raw";
/// One file that says how to use the weights: configuration, tokenizer, calibration.
pub const WEIGHT_CONFIG_RAW: &str = "application/vnd.cncf.model.weight.config.v1.raw";
/// One document for people.
pub const DOC_RAW: &str = "application/vnd.cncf.model.doc.v1.raw";
/// One file of data.
pub const DATASET_RAW: &str = "application/vnd.cncf.model.dataset.v1.raw";
/// The path of a layer's file inside the model.
pub const FILE_PATH: &str = "org.cncf.model.filepath";
/// The name by which OCI tools pick a manifest out of a layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
