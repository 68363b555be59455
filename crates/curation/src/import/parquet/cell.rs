//! One value of an Arrow array as a cell.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, GenericListArray, OffsetSizeTrait,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::import::format::Cell;

/// The value at `row`.
pub(super) fn at(array: &ArrayRef, row: usize) -> Cell {
    if array.is_null(row) {
        return Cell::Missing;
    }
    match array.data_type() {
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Cell::Text(array.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Cell::Text(array.as_string_view().value(row).to_owned()),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => bytes(array.as_binary_view().value(row)),
        DataType::Boolean => boolean(array.as_boolean(), row),
        DataType::Int8 => number::<Int8Type>(array, row),
        DataType::Int16 => number::<Int16Type>(array, row),
        DataType::Int32 => number::<Int32Type>(array, row),
        DataType::Int64 => number::<Int64Type>(array, row),
        DataType::UInt8 => number::<UInt8Type>(array, row),
        DataType::UInt16 => number::<UInt16Type>(array, row),
        DataType::UInt32 => number::<UInt32Type>(array, row),
        DataType::UInt64 => number::<UInt64Type>(array, row),
        DataType::Float32 => number::<Float32Type>(array, row),
        DataType::Float64 => number::<Float64Type>(array, row),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let keys: ArrayRef = arrow::array::make_array(dictionary.keys().to_data());
            match at(&keys, row) {
                Cell::Text(key) => {
                    key.parse().map_or(Cell::Missing, |it| at(dictionary.values(), it))
                }
                other => other,
            }
        }
        DataType::List(_) => list(array.as_list::<i32>(), row),
        DataType::LargeList(_) => list(array.as_list::<i64>(), row),
        DataType::FixedSizeList(_, _) => fixed_list(array.as_fixed_size_list(), row),
        _ => Cell::Other("a value without a textual form"),
    }
}

fn number<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize) -> Cell
where
    T::Native: std::fmt::Display,
{
    Cell::Text(array.as_primitive::<T>().value(row).to_string())
}

fn boolean(array: &BooleanArray, row: usize) -> Cell {
    Cell::Text(array.value(row).to_string())
}

/// Old writers store text as plain bytes; what is not UTF-8 is marked for the row judge.
fn bytes(value: &[u8]) -> Cell {
    Cell::Text(String::from_utf8_lossy(value).into_owned())
}

fn list<O: OffsetSizeTrait>(array: &GenericListArray<O>, row: usize) -> Cell {
    items(&array.value(row))
}

fn fixed_list(array: &FixedSizeListArray, row: usize) -> Cell {
    items(&array.value(row))
}

fn items(values: &ArrayRef) -> Cell {
    let texts = (0..values.len()).map(|it| match at(values, it) {
        Cell::Text(text) => Some(text),
        _ => None,
    });
    texts.collect::<Option<Vec<_>>>().map_or(Cell::Other("a nested list"), Cell::List)
}
