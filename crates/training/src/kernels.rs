//! The dense operations of a transformer encoder, each with its hand-written backward pass.
//!
//! Plain functions over slices, because a block-level backward pass over packed sequences needs
//! no tape: every buffer is written once, reused by the next step, and never zero-filled first.
//! Each operation is checked against finite differences beside its definition. Nothing here
//! spawns a thread or draws a random number that is not a function of its arguments, so results
//! do not depend on who calls from where.

/// Compiles a function three times (AVX-512, AVX2, baseline) and picks one at run time.
///
/// The body never uses fused multiply-add, so all three give the same bits.
macro_rules! vectorised {
    ($(#[$meta:meta])* pub fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::allow_attributes, clippy::too_many_arguments, reason = "buffers of a kernel are passed one by one")]
        pub fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                if is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    // SAFETY: the features were just detected (avx512bw implies avx512f).
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the feature was just detected.
                    return unsafe { avx2($($arg),*) };
                }
            }
            body($($arg),*)
        }
    };
}

pub mod attention;
pub mod dropout;
pub mod geglu;
pub mod gelu;
pub mod layer_norm;
pub mod matrix;
pub mod pre_norm;
pub mod scalar;

#[cfg(test)]
pub(crate) mod tests {
    //! Finite differences, shared by the tests of every operation.

    use freehold_vocabulary::{Random, Seed};

    /// Reproducible numbers of ordinary size.
    pub(crate) fn numbers(seed: u64, n: usize) -> Vec<f32> {
        let mut random = Random::new(Seed(seed));
        (0..n).map(|_| random.normal() as f32).collect()
    }

    /// Central differences of a loss in every direction.
    pub(crate) struct Slope(Vec<f64>);

    impl Slope {
        pub(crate) fn of(loss: impl Fn(&[f32]) -> f64, at: &[f32]) -> Self {
            let mut x = at.to_vec();
            let slopes = (0..x.len()).map(|i| {
                let step = 1e-2f32;
                x[i] = at[i] + step;
                let up = loss(&x);
                x[i] = at[i] - step;
                let down = loss(&x);
                x[i] = at[i];
                (up - down) / f64::from((at[i] + step) - (at[i] - step))
            });
            Self(slopes.collect())
        }

        #[track_caller]
        pub(crate) fn check(&self, gradient: &[f32]) {
            assert_eq!(self.0.len(), gradient.len());
            let size = self.0.iter().fold(0.0f64, |most, it| most.max(it.abs()));
            for (i, (slope, gradient)) in self.0.iter().zip(gradient).enumerate() {
                let difference = (slope - f64::from(*gradient)).abs();
                assert!(
                    difference <= 2e-3 * size,
                    "element {i}: slope {slope}, gradient {gradient}"
                );
            }
        }
    }
}
