//! The inner loop of the micro model: adding weighted rows of 8-bit integers.
//!
//! Compiled for the baseline and for wider registers, chosen at run time; never with fused
//! multiply-add, so that every machine gives the same bits.

/// Adds `value` times row `row` of `weights` to `logits`, for each `(row, value)` in order.
/// A row has as many numbers as there are logits.
pub(super) fn add(logits: &mut [f32], weights: &[i8], weighted: &[(u32, f32)]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: the features were just detected.
            return unsafe { add_avx512(logits, weights, weighted) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was just detected.
            return unsafe { add_avx2(logits, weights, weighted) };
        }
    }
    body(logits, weights, weighted);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_avx512(logits: &mut [f32], weights: &[i8], weighted: &[(u32, f32)]) {
    body(logits, weights, weighted);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_avx2(logits: &mut [f32], weights: &[i8], weighted: &[(u32, f32)]) {
    body(logits, weights, weighted);
}

#[inline(always)]
fn body(logits: &mut [f32], weights: &[i8], weighted: &[(u32, f32)]) {
    let classes = logits.len();
    for &(row, value) in weighted {
        let from = row as usize * classes;
        let row = &weights[from..from + classes];
        for (logit, &weight) in logits.iter_mut().zip(row) {
            *logit += value * f32::from(weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let classes = 77;
        let weights: Vec<i8> = (0..classes * 9).map(|i| (i * 37 % 255) as u8 as i8).collect();
        let weighted = [(0, 0.1), (3, -0.7), (8, 1.3e-3), (3, 0.2)];
        let mut plain = vec![0.25; classes];
        let mut dispatched = plain.clone();
        body(&mut plain, &weights, &weighted);
        add(&mut dispatched, &weights, &weighted);
        assert_eq!(plain, dispatched);
    }
}
