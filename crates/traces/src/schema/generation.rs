//! The column `generation`: null for the answers of a task's own models.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray, StructArray,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use freehold_vocabulary::chat::{Usage, UsageBasis};
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{
    CacheKind, DataClass, Ending, EngineName, Generation, Spent, Trace, Try,
};

use super::decode::{Reason, column, optional, unsigned, value};

/// The column. Its fields may be null, since they are wherever the whole is.
pub fn field() -> FieldRef {
    Arc::new(Field::new("generation", DataType::Struct(fields()), true))
}

const NUMBERS: [&str; 8] = [
    "input_tokens",
    "cached_input_tokens",
    "cache_written_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_picos",
    "first_token_us",
    "saved_picos",
];

/// What one try took; empty where it took nothing.
const SPENT: [&str; 6] = [
    "input_tokens",
    "cached_input_tokens",
    "cache_written_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_picos",
];

fn fields() -> Fields {
    let texts = ["model", "engine", "upstream", "data_class", "rule", "ending", "stop", "basis"];
    let texts = texts.into_iter().chain(["currency"]).map(text);
    let numbers = NUMBERS.map(|name| Arc::new(Field::new(name, DataType::Int64, true)));
    let long = ["request", "answer"];
    let long = long.map(|name| Arc::new(Field::new(name, DataType::LargeUtf8, true)));
    let tries = Arc::new(Field::new("tries", DataType::List(try_item()), true));
    let cache = ["cache", "saved_currency"].map(text);
    texts.chain(numbers).chain(long).chain([tries]).chain(cache).collect()
}

fn text(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Utf8, true))
}

fn try_item() -> FieldRef {
    Arc::new(Field::new("item", DataType::Struct(try_fields()), true))
}

fn try_fields() -> Fields {
    let texts = ["model", "engine", "error", "basis", "currency"].map(text);
    let numbers = SPENT.map(|name| Arc::new(Field::new(name, DataType::Int64, true)));
    texts.into_iter().chain(numbers).collect()
}

/// The column of these traces.
pub fn of(traces: &[Trace]) -> ArrayRef {
    let all: Vec<Option<&Generation>> = traces.iter().map(|it| it.generation.as_deref()).collect();
    let texts = |get: fn(&Generation) -> Option<&str>| -> ArrayRef {
        Arc::new(all.iter().map(|it| it.and_then(get)).collect::<StringArray>())
    };
    let numbers = |get: fn(&Generation) -> Option<u64>| -> ArrayRef {
        let numbers = all.iter().map(|it| it.and_then(get).map(super::signed));
        Arc::new(numbers.collect::<Int64Array>())
    };
    let long = |get: fn(&Generation) -> Option<&str>| -> ArrayRef {
        Arc::new(all.iter().map(|it| it.and_then(get)).collect::<LargeStringArray>())
    };
    let columns: Vec<ArrayRef> = vec![
        texts(|it| Some(&it.model)),
        texts(|it| Some(it.engine.as_str())),
        texts(|it| Some(&it.upstream)),
        texts(|it| Some(it.data_class.as_str())),
        texts(|it| Some(&it.rule)),
        texts(|it| Some(it.ending.as_str())),
        texts(|it| it.stop.as_deref()),
        texts(|it| Some(basis_word(it.basis))),
        texts(|it| it.cost.as_ref().map(|cost| cost.currency.as_str())),
        numbers(|it| Some(it.usage.input_tokens)),
        numbers(|it| Some(it.usage.cached_input_tokens)),
        numbers(|it| Some(it.usage.cache_written_tokens)),
        numbers(|it| Some(it.usage.output_tokens)),
        numbers(|it| Some(it.usage.reasoning_tokens)),
        numbers(|it| it.cost.as_ref().map(|cost| cost.picos)),
        numbers(|it| it.first_token_us),
        numbers(|it| it.saved.as_ref().map(|saved| saved.picos)),
        long(|it| it.request.as_deref()),
        long(|it| it.answer.as_deref()),
        tries(&all),
        texts(|it| it.cache.map(CacheKind::as_str)),
        texts(|it| it.saved.as_ref().map(|saved| saved.currency.as_str())),
    ];
    let nulls = NullBuffer::from_iter(all.iter().map(Option::is_some));
    let rows = StructArray::try_new_with_length(fields(), columns, Some(nulls), all.len());
    Arc::new(rows.expect("the columns are those of the struct"))
}

fn tries(all: &[Option<&Generation>]) -> ArrayRef {
    let count = |it: &Option<&Generation>| it.map_or(0, |it| it.tries.len());
    let lengths = OffsetBuffer::from_lengths(all.iter().map(count));
    let each: Vec<&Try> = all.iter().flatten().flat_map(|it| &it.tries).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(each.iter().map(|it| it.model.as_str()))),
        Arc::new(StringArray::from_iter_values(each.iter().map(|it| it.engine.as_str()))),
        Arc::new(each.iter().map(|it| it.error.as_deref()).collect::<StringArray>()),
        spent_texts(&each, |it| Some(basis_word(it.basis))),
        spent_texts(&each, |it| it.cost.as_ref().map(|cost| cost.currency.as_str())),
        spent_numbers(&each, |it| Some(it.usage.input_tokens)),
        spent_numbers(&each, |it| Some(it.usage.cached_input_tokens)),
        spent_numbers(&each, |it| Some(it.usage.cache_written_tokens)),
        spent_numbers(&each, |it| Some(it.usage.output_tokens)),
        spent_numbers(&each, |it| Some(it.usage.reasoning_tokens)),
        spent_numbers(&each, |it| it.cost.as_ref().map(|cost| cost.picos)),
    ];
    let rows = StructArray::try_new_with_length(try_fields(), columns, None, each.len());
    let rows = rows.expect("the columns are those of the struct");
    Arc::new(ListArray::new(try_item(), lengths, Arc::new(rows), None))
}

fn spent_texts(each: &[&Try], get: fn(&Spent) -> Option<&str>) -> ArrayRef {
    Arc::new(each.iter().map(|it| it.spent.as_ref().and_then(get)).collect::<StringArray>())
}

fn spent_numbers(each: &[&Try], get: fn(&Spent) -> Option<u64>) -> ArrayRef {
    let numbers = each.iter().map(|it| it.spent.as_ref().and_then(get).map(super::signed));
    Arc::new(numbers.collect::<Int64Array>())
}

/// The generation in a row; none where the column is null, or missing in a file of an older
/// version.
pub fn at(batch: &RecordBatch, row: usize) -> Result<Option<Generation>, Reason> {
    let Some(array) = batch.column_by_name("generation") else { return Ok(None) };
    let rows: &StructArray = column(Some(array), "generation")?;
    if rows.is_null(row) {
        return Ok(None);
    }
    let get = |name: &str| rows.column_by_name(name);
    let text = |name: &str| {
        Ok::<_, Reason>(value(column::<StringArray>(get(name), name)?, row, name)?.to_owned())
    };
    let number = |name: &str| {
        let numbers: &Int64Array = column(get(name), name)?;
        numbers.is_valid(row).then(|| unsigned(numbers.value(row))).transpose()
    };
    let tokens = |name: &str| number(name)?.ok_or_else(|| format!("`{name}` is empty"));
    let short = |name: &str| Ok::<_, Reason>(optional(column(get(name), name)?, row));
    let long = |name: &str| {
        let texts: &LargeStringArray = column(get(name), name)?;
        Ok::<_, Reason>(texts.is_valid(row).then(|| texts.value(row).to_owned()))
    };
    let cost = cost_of(short("currency")?, number("cost_picos")?)?;
    // Files from before there were caches have no such columns.
    let newer = get("cache").is_some();
    let (cache, saved) = if newer {
        let saved = cost_of(short("saved_currency")?, number("saved_picos")?)?;
        let cache = short("cache")?.map(|it| word(&CacheKind::ALL, CacheKind::as_str, &it));
        (cache.transpose()?, saved)
    } else {
        (None, None)
    };
    let usage = Usage {
        input_tokens: tokens("input_tokens")?,
        cached_input_tokens: tokens("cached_input_tokens")?,
        cache_written_tokens: tokens("cache_written_tokens")?,
        output_tokens: tokens("output_tokens")?,
        reasoning_tokens: tokens("reasoning_tokens")?,
    };
    Ok(Some(Generation {
        model: text("model")?,
        engine: engine(&text("engine")?)?,
        upstream: text("upstream")?,
        data_class: word(&CLASSES, DataClass::as_str, &text("data_class")?)?,
        rule: text("rule")?,
        ending: word(&Ending::ALL, Ending::as_str, &text("ending")?)?,
        stop: short("stop")?,
        usage,
        basis: word(&BASES, basis_word, &text("basis")?)?,
        cost,
        first_token_us: number("first_token_us")?,
        tries: tries_at(&column::<ListArray>(get("tries"), "tries")?.value(row))?,
        cache,
        saved,
        request: long("request")?,
        answer: long("answer")?,
    }))
}

fn cost_of(currency: Option<String>, picos: Option<u64>) -> Result<Option<Cost>, Reason> {
    match (currency, picos) {
        (Some(currency), Some(picos)) => Ok(Some(Cost { currency, picos })),
        (None, None) => Ok(None),
        _ => Err("a cost has a currency, and a currency a cost".to_owned()),
    }
}

fn tries_at(list: &ArrayRef) -> Result<Vec<Try>, Reason> {
    let rows: &StructArray = column(Some(list), "tries")?;
    let get = |name: &str| rows.column_by_name(name);
    let models: &StringArray = column(get("model"), "tries.model")?;
    let engines: &StringArray = column(get("engine"), "tries.engine")?;
    let errors: &StringArray = column(get("error"), "tries.error")?;
    let each = (0..rows.len()).map(|row| {
        Ok(Try {
            model: value(models, row, "tries.model")?.to_owned(),
            engine: engine(value(engines, row, "tries.engine")?)?,
            error: optional(errors, row),
            spent: spent_at(rows, row)?,
        })
    });
    each.collect()
}

/// None also in a file of a version that did not know it.
fn spent_at(rows: &StructArray, row: usize) -> Result<Option<Spent>, Reason> {
    let Some(bases) = rows.column_by_name("basis") else { return Ok(None) };
    let Some(basis) = optional(column::<StringArray>(Some(bases), "tries.basis")?, row) else {
        return Ok(None);
    };
    let number = |name: &str| {
        let numbers: &Int64Array = column(rows.column_by_name(name), name)?;
        numbers.is_valid(row).then(|| unsigned(numbers.value(row))).transpose()
    };
    let tokens = |name: &str| number(name)?.ok_or_else(|| format!("`tries.{name}` is empty"));
    let currency = column::<StringArray>(rows.column_by_name("currency"), "tries.currency")?;
    let cost = match (optional(currency, row), number("cost_picos")?) {
        (Some(currency), Some(picos)) => Some(Cost { currency, picos }),
        (None, None) => None,
        _ => return Err("a cost has a currency, and a currency a cost".to_owned()),
    };
    let usage = Usage {
        input_tokens: tokens("input_tokens")?,
        cached_input_tokens: tokens("cached_input_tokens")?,
        cache_written_tokens: tokens("cache_written_tokens")?,
        output_tokens: tokens("output_tokens")?,
        reasoning_tokens: tokens("reasoning_tokens")?,
    };
    Ok(Some(Spent { usage, basis: word(&BASES, basis_word, &basis)?, cost }))
}

const CLASSES: [DataClass; 4] =
    [DataClass::Public, DataClass::Internal, DataClass::Confidential, DataClass::Restricted];
const BASES: [UsageBasis; 3] = [UsageBasis::Reported, UsageBasis::Estimated, UsageBasis::Nothing];

fn basis_word(basis: UsageBasis) -> &'static str {
    match basis {
        UsageBasis::Reported => "reported",
        UsageBasis::Estimated => "estimated",
        UsageBasis::Nothing => "nothing",
    }
}

fn engine(name: &str) -> Result<EngineName, Reason> {
    EngineName::parse(name).map_err(|error| error.to_string())
}

/// The value of that word.
fn word<T: Copy>(all: &[T], word_of: fn(T) -> &'static str, word: &str) -> Result<T, Reason> {
    let found = all.iter().copied().find(|it| word_of(*it) == word);
    found.ok_or_else(|| format!("`{word}` is not known here"))
}
