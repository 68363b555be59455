//! Which replica: the better of two drawn at random (power of two choices). Asking always the
//! best would send everybody to the same one at once. Pure.

use freehold_vocabulary::Random;

/// A place in `costs`; `None` marks replicas that must not be asked. `None` if all are.
#[must_use]
pub fn choose(costs: &[Option<f64>], random: &mut Random) -> Option<usize> {
    let open: Vec<(usize, f64)> =
        costs.iter().enumerate().filter_map(|(at, cost)| Some((at, (*cost)?))).collect();
    match open.len() {
        0 => None,
        1 => Some(open[0].0),
        n => {
            let first = random.below(n);
            // A second one that is not the first.
            let second = (first + 1 + random.below(n - 1)) % n;
            let (a, b) = (open[first], open[second]);
            Some(if a.1 <= b.1 { a.0 } else { b.0 })
        }
    }
}
