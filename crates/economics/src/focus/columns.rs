//! The columns, in the order of the file: FOCUS's own by the alphabet, then ours with `x_`.

use super::Charge;

/// A column and what stands in it. An empty cell is null.
pub type Column = (&'static str, fn(&Charge) -> String);

/// Every column.
pub const COLUMNS: &[Column] = &[
    ("BilledCost", |it| it.cost.clone()),
    ("BillingAccountId", |it| it.account.clone()),
    ("BillingAccountName", |it| it.account.clone()),
    ("BillingAccountType", |_| "Portfolio".to_owned()),
    ("BillingCurrency", |it| it.currency.clone()),
    ("BillingPeriodEnd", |it| midnight(it.day.next_month())),
    ("BillingPeriodStart", |it| midnight(it.day.month())),
    ("ChargeCategory", |_| "Usage".to_owned()),
    ("ChargeClass", |_| String::new()),
    ("ChargeDescription", |it| it.description.clone()),
    ("ChargeFrequency", |_| "Usage-Based".to_owned()),
    ("ChargePeriodEnd", |it| midnight(it.day.plus(1))),
    ("ChargePeriodStart", |it| midnight(it.day)),
    ("ConsumedQuantity", |it| it.consumed.clone()),
    ("ConsumedUnit", |it| it.consumed_unit.to_owned()),
    ("ContractedCost", |it| it.cost.clone()),
    ("ContractedUnitPrice", |it| it.unit_price.clone()),
    ("EffectiveCost", |it| it.cost.clone()),
    ("InvoiceIssuerName", |it| it.provider.clone()),
    ("ListCost", |it| it.cost.clone()),
    ("ListUnitPrice", |it| it.unit_price.clone()),
    ("PricingCategory", |_| "Standard".to_owned()),
    ("PricingQuantity", |it| it.quantity.clone()),
    ("PricingUnit", |it| it.pricing_unit.to_owned()),
    ("ProviderName", |it| it.provider.clone()),
    ("PublisherName", |it| it.provider.clone()),
    ("RegionId", |it| it.region.clone()),
    ("RegionName", |it| it.region.clone()),
    ("ResourceId", |it| format!("{}/{}", it.engine, it.model)),
    ("ResourceName", |it| it.model.clone()),
    ("ResourceType", |_| "Model".to_owned()),
    ("ServiceCategory", |_| "AI and Machine Learning".to_owned()),
    ("ServiceName", |it| it.engine.clone()),
    ("ServiceSubcategory", |_| "Generative AI".to_owned()),
    ("SkuId", |it| format!("{}/{}", it.model, it.sku)),
    ("SkuMeter", |it| it.meter.to_owned()),
    ("SkuPriceId", |it| format!("{}/{}/{}", it.model, it.sku, it.price_id)),
    ("SubAccountId", |it| it.team.clone()),
    ("SubAccountName", |it| it.team.clone()),
    ("SubAccountType", |_| "Team".to_owned()),
    ("Tags", |it| it.tags.clone()),
    ("x_EstimatedRequests", |it| it.estimated.to_string()),
    ("x_Key", |it| it.key.clone()),
    ("x_Requests", |it| it.requests.to_string()),
    ("x_Task", |it| it.task.clone()),
];

/// An instant in the format of the specification.
fn midnight(day: crate::Day) -> String {
    format!("{day}T00:00:00Z")
}
