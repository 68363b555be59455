//! Confidence intervals: Wilson and Clopper–Pearson for shares, a seeded bootstrap for the rest.
//!
//! The one-sided Clopper–Pearson bound is what certificates are made of, so it is exact for any
//! number of observations. With no observations every share is possible: the interval is 0 to 1
//! and the estimate is 0, as scikit-learn has it for a precision without predictions.

mod bootstrap;
mod clopper_pearson;
mod incomplete_beta;
mod wilson;

pub(crate) use bootstrap::quantile;
pub use bootstrap::{Design, Resampling, bootstrap, bootstrap_distribution, bootstrap_many};
pub use clopper_pearson::{
    clopper_pearson, clopper_pearson_lower, clopper_pearson_upper, rate_is_at_most,
};
pub use incomplete_beta::regularized_beta;
pub use wilson::{normal_quantile, wilson};

#[cfg(test)]
mod tests;
