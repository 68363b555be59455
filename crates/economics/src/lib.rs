//! What answers cost: dated prices, tokens and machine time, reports, and the FOCUS export.
//!
//! Money is whole numbers of 10⁻¹² of a currency; no sum is ever rounded, and two currencies are
//! never added. Reads no file and no clock: prices come as text, instants as arguments. No price
//! stands in the code.

pub mod comparison;
pub mod day;
pub mod error;
pub mod exact;
pub mod focus;
pub mod metering;
pub mod price_list;
pub mod tariff;

pub use comparison::Frontier;
pub use day::Day;
pub use error::EconomicsError;
pub use exact::{Exact, Sums};
pub use metering::{Dimension, Line, Metered};
pub use price_list::{PriceList, Stale};
pub use tariff::{Rates, Tariff, TimeRates, TokenRates};
