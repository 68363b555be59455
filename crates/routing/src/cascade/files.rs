//! A policy at rest: the files that a model version carries, as bytes by name.
//!
//! Reading checks everything: a changed certificate or a detector that is not the one that was
//! calibrated is refused.

use freehold_vocabulary::{Digest, LabelMode};
use serde::{Deserialize, Serialize};

use super::TierPolicy;
use crate::ood::OOD_FILE;
use crate::{Calibration, Certificate, Conformal, OodGate, RoutingError};

/// Probabilities and prediction sets.
pub const CALIBRATION_FILE: &str = "calibration.json";
/// The certificate.
pub const CERTIFICATE_FILE: &str = "certificate.json";
/// Changes whenever the same bytes would mean another policy.
const FORMAT: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibrationFile {
    format: u32,
    mode: LabelMode,
    labels: usize,
    calibration: Calibration,
    prediction_sets: Option<Conformal>,
    /// The digest of the stranger detector's file, if there is one.
    ood: Option<Digest>,
    /// The id of the certificate, if there is one.
    certificate: Option<Digest>,
}

impl TierPolicy {
    /// The files, by name: `calibration.json` always, `ood.safetensors` and `certificate.json` if
    /// there are a detector and a certificate.
    #[must_use]
    pub fn to_files(&self) -> Vec<(String, Vec<u8>)> {
        let ood = self.ood.as_ref().map(OodGate::to_bytes);
        let calibration = CalibrationFile {
            format: FORMAT,
            mode: self.mode,
            labels: self.labels,
            calibration: self.calibration.clone(),
            prediction_sets: self.conformal.clone(),
            ood: ood.as_ref().map(Digest::of),
            certificate: self.certificate.as_ref().map(|it| it.id.clone()),
        };
        let mut files = vec![(CALIBRATION_FILE.to_owned(), json(&calibration))];
        files.extend(ood.map(|bytes| (OOD_FILE.to_owned(), bytes)));
        let certificate = self.certificate.as_ref().map(json);
        files.extend(certificate.map(|bytes| (CERTIFICATE_FILE.to_owned(), bytes)));
        files
    }

    /// Reads what [`Self::to_files`] gave; other files are not looked at.
    ///
    /// # Errors
    /// When a file is missing, damaged, changed, or belongs to another policy.
    pub fn from_files(files: &[(String, Vec<u8>)]) -> Result<Self, RoutingError> {
        let find = |name: &str| files.iter().find(|it| it.0 == name).map(|it| it.1.as_slice());
        let bytes = find(CALIBRATION_FILE)
            .ok_or_else(|| RoutingError::malformed(CALIBRATION_FILE, "it is missing"))?;
        let malformed = |reason: String| RoutingError::malformed(CALIBRATION_FILE, reason);
        let file: CalibrationFile =
            serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
        if file.format != FORMAT || file.calibration.mode != file.mode || file.labels == 0 {
            return Err(malformed("its format, mode or labels are not usable".to_owned()));
        }
        file.calibration.check(file.labels).map_err(|it| malformed(it.to_owned()))?;
        if let Some(sets) = &file.prediction_sets {
            sets.check(file.labels).map_err(|it| malformed(it.to_owned()))?;
        }
        let ood = file.ood.as_ref().map(|digest| read_ood(find(OOD_FILE), digest)).transpose()?;
        if ood.as_ref().is_some_and(|it: &OodGate| it.report.mode != file.mode) {
            return Err(RoutingError::malformed(OOD_FILE, "it is for another kind of task"));
        }
        let id = file.certificate.as_ref();
        let certificate = id.map(|id| read_certificate(find(CERTIFICATE_FILE), id)).transpose()?;
        Ok(Self {
            mode: file.mode,
            labels: file.labels,
            calibration: file.calibration,
            ood,
            conformal: file.prediction_sets,
            certificate,
        })
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("finite numbers serialise");
    bytes.push(b'\n');
    bytes
}

fn read_ood(bytes: Option<&[u8]>, digest: &Digest) -> Result<OodGate, RoutingError> {
    let bytes = bytes.ok_or_else(|| RoutingError::malformed(OOD_FILE, "it is missing"))?;
    if Digest::of(bytes) != *digest {
        return Err(RoutingError::malformed(OOD_FILE, "it is not the calibrated one"));
    }
    OodGate::from_bytes(bytes)
}

fn read_certificate(bytes: Option<&[u8]>, id: &Digest) -> Result<Certificate, RoutingError> {
    let malformed = |reason: String| RoutingError::malformed(CERTIFICATE_FILE, reason);
    let bytes = bytes.ok_or_else(|| malformed("it is missing".to_owned()))?;
    let certificate: Certificate =
        serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    let usable = certificate.threshold().is_none_or(f64::is_finite);
    if !certificate.is_intact() || certificate.id != *id || !usable {
        return Err(malformed("it was changed or belongs to another calibration".to_owned()));
    }
    Ok(certificate)
}
