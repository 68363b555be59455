//! From a task's calibrated probabilities to the answer of a question. Pure.
//!
//! Every sum runs in the order of the labels and every tie goes to the first label, so an answer
//! does not depend, to the last bit, on the order in which the options were asked.

use freehold_routing::systemone::renormalise;

use super::fit::Fit;

/// Probabilities of the asked options, in the order asked, and what they say.
#[derive(Debug, PartialEq)]
pub(crate) struct Readout {
    /// Sum to 1.
    pub(crate) probabilities: Vec<f64>,
    /// Place of the most probable option, in the order asked.
    pub(crate) best: usize,
    /// What all labels asked for had together before they were renormalised to 1.
    pub(crate) label_mass: f64,
}

/// Reads the options of a fit from the probabilities of all labels. For a noul the options are
/// no and yes; none when nothing asked for has any probability.
pub(crate) fn read(fit: &Fit, probabilities: &[f64]) -> Option<Readout> {
    let of = |position: &u32| probabilities[*position as usize];
    match fit {
        Fit::Choice(positions) | Fit::Score(positions) => renormalised(positions, probabilities),
        Fit::Noul { yes, no: Some(no) } => renormalised(&[*no, *yes], probabilities),
        Fit::Noul { yes, no: None } => {
            let yes = of(yes);
            let best = usize::from(yes > 0.5);
            Some(Readout { probabilities: vec![1.0 - yes, yes], best, label_mass: 1.0 })
        }
    }
}

fn renormalised(positions: &[u32], probabilities: &[f64]) -> Option<Readout> {
    let mut in_label_order: Vec<usize> = (0..positions.len()).collect();
    in_label_order.sort_unstable_by_key(|asked| positions[*asked]);
    let sorted: Vec<u32> = in_label_order.iter().map(|asked| positions[*asked]).collect();
    let (mut shares, mut label_mass) = renormalise(probabilities, &sorted)?;
    if sorted.len() == probabilities.len() {
        // Nothing was left out, so the model's own probabilities stand to the last bit.
        (shares, label_mass) = (probabilities.to_vec(), 1.0);
    }
    let mut as_asked = vec![0.0; positions.len()];
    let mut best = in_label_order[0];
    for (asked, share) in in_label_order.into_iter().zip(shares) {
        as_asked[asked] = share;
        if share > as_asked[best] {
            best = asked;
        }
    }
    Some(Readout { probabilities: as_asked, best, label_mass })
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: [f64; 4] = [0.1, 0.3, 0.4, 0.2];

    #[test]
    fn the_order_of_the_options_changes_no_bit() {
        let asked = read(&Fit::Choice(vec![0, 1, 3]), &P).unwrap();
        let turned = read(&Fit::Choice(vec![3, 0, 1]), &P).unwrap();
        assert_eq!(asked.label_mass.to_bits(), turned.label_mass.to_bits());
        assert_eq!(asked.probabilities[1].to_bits(), turned.probabilities[2].to_bits());
        assert_eq!((asked.best, turned.best), (1, 2));
        assert!((asked.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_tie_goes_to_the_first_label() {
        let read = read(&Fit::Choice(vec![2, 0]), &[0.25, 0.5, 0.25]).unwrap();
        assert_eq!(read.best, 1);
    }

    #[test]
    fn a_noul_is_against_all_others_or_against_one() {
        let all = read(&Fit::Noul { yes: 2, no: None }, &P).unwrap();
        assert_eq!(all.probabilities[1], 0.4);
        let one = read(&Fit::Noul { yes: 2, no: Some(0) }, &P).unwrap();
        assert!((one.probabilities[1] - 0.8).abs() < 1e-12);
        assert!((one.label_mass - 0.5).abs() < 1e-12);
    }

    #[test]
    fn options_without_any_probability_have_no_answer() {
        assert_eq!(read(&Fit::Choice(vec![0, 1]), &[0.0, 0.0, 1.0]), None);
    }
}
