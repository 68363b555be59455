//! Matrix products over strided views; a thin, checked door to the `gemm` crate.
//!
//! Always single-threaded: parallelism is over shards and tensors, with a fixed order of sums.

/// A read-only matrix inside a slice.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major and without gaps.
    #[must_use]
    pub fn new(data: &'a [f32], columns: usize) -> Self {
        assert!(data.len().is_multiple_of(columns), "rows of {columns} in {}", data.len());
        Self { data, rows: data.len() / columns, columns, row_stride: columns, column_stride: 1 }
    }

    /// Row-major, `row_stride` elements from row to row.
    #[must_use]
    pub fn strided(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(rows == 0 || data.len() >= (rows - 1) * row_stride + columns, "view is too short");
        Self { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// The same elements with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// A row-major matrix to write to.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// Without gaps.
    #[must_use]
    pub fn new(data: &'a mut [f32], columns: usize) -> Self {
        assert!(data.len().is_multiple_of(columns), "rows of {columns} in {}", data.len());
        Self { rows: data.len() / columns, data, columns, row_stride: columns }
    }

    /// With `row_stride` elements from row to row.
    #[must_use]
    pub fn strided(data: &'a mut [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(rows == 0 || data.len() >= (rows - 1) * row_stride + columns, "view is too short");
        Self { data, rows, columns, row_stride }
    }
}

/// What happens to the values that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Replace,
    Add,
}

/// `out = scale · a · b`, or that added to `out`.
pub fn multiply(out: MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, scale: f32, store: Store) {
    assert_eq!((out.rows, out.columns, a.columns), (a.rows, b.columns, b.rows), "shapes differ");
    if a.columns == 0 || out.rows == 0 || out.columns == 0 {
        return;
    }
    let last = |m: &Matrix<'_>| (m.rows - 1) * m.row_stride + (m.columns - 1) * m.column_stride;
    assert!(last(&a) < a.data.len() && last(&b) < b.data.len(), "view is too short");
    let stride = |it: usize| isize::try_from(it).expect("a slice fits in isize");
    // SAFETY: both views were just checked to end inside their slices, `out` on construction,
    // and `out` is borrowed exclusively, so nothing overlaps.
    unsafe {
        gemm::gemm(
            out.rows,
            out.columns,
            a.columns,
            out.data.as_mut_ptr(),
            1,
            stride(out.row_stride),
            store == Store::Add,
            a.data.as_ptr(),
            stride(a.column_stride),
            stride(a.row_stride),
            b.data.as_ptr(),
            stride(b.column_stride),
            stride(b.row_stride),
            1.0f32,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_views_are_products() {
        let a: Vec<f32> = (0u8..12).map(f32::from).collect(); // 3 × 4
        let b: Vec<f32> = (0u8..8).map(f32::from).collect(); // 2 × 4, used transposed
        let mut out = vec![1.0; 6];
        let b = Matrix::new(&b, 4).transposed();
        multiply(MatrixMut::new(&mut out, 2), Matrix::new(&a, 4), b, 2.0, Store::Add);
        assert_eq!(out, [29.0, 77.0, 77.0, 253.0, 125.0, 429.0]);
        multiply(MatrixMut::new(&mut out, 2), Matrix::new(&a, 4), b, 1.0, Store::Replace);
        assert_eq!(out, [14.0, 38.0, 38.0, 126.0, 62.0, 214.0]);
    }
}
