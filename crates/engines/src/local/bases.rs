//! Bases in memory: loaded once, shared by every model that was fine-tuned on them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use freehold_models::{EncoderBase, EncoderOptions, ModelError, Precision};
use freehold_vocabulary::Digest;

/// Finds a loaded base by its digest, or loads it. A base goes when its last model goes.
#[derive(Debug, Default)]
pub struct BaseCache {
    bases: Mutex<HashMap<(Digest, Precision), Weak<EncoderBase>>>,
}

impl BaseCache {
    /// The base with that digest, whose files are in `dir`.
    ///
    /// The options of the first call decide, except for the precision: each has its own copy.
    ///
    /// # Errors
    /// When a file is missing, damaged or not supported.
    pub fn get(
        &self,
        digest: &Digest,
        dir: &Path,
        options: EncoderOptions,
    ) -> Result<Arc<EncoderBase>, ModelError> {
        let key = (digest.clone(), options.precision);
        // Held while loading: a second request for the same base must wait for it, not load it
        // again. The map is whole even if a loader has panicked.
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = bases.get(&key).and_then(Weak::upgrade) {
            return Ok(base);
        }
        let base = EncoderBase::open(dir, options)?;
        bases.retain(|_, base| base.strong_count() > 0);
        bases.insert(key, Arc::downgrade(&base));
        Ok(base)
    }

    /// How many bases are in memory.
    #[must_use]
    pub fn loaded(&self) -> usize {
        let bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        bases.values().filter(|base| base.strong_count() > 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_vocabulary::{Label, LabelMode, LabelSet};

    #[test]
    fn a_base_is_loaded_once_and_goes_with_its_last_model() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/golden");
        let cache = BaseCache::default();
        let digest = Digest::of("bert");
        let options = EncoderOptions::default();
        let open = |adapter: &str| {
            let base = cache.get(&digest, &golden.join("bert"), options).unwrap();
            let labels = LabelSet::sorted((0..5).map(|i| Label::parse(&i.to_string()).unwrap()));
            let model = base.classifier(&golden.join(adapter), labels, LabelMode::Single).unwrap();
            (Arc::downgrade(&base), model)
        };
        let (first_base, first) = open("bert-lora");
        let (second_base, second) = open("bert-mean");
        assert!(Weak::ptr_eq(&first_base, &second_base));
        drop(first);
        assert_eq!(cache.loaded(), 1);
        drop(second);
        assert_eq!(cache.loaded(), 0);
        assert!(cache.get(&digest, &golden.join("nowhere"), options).is_err());
    }
}
