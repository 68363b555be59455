//! The little linear algebra behind the heads: products by `gemm`, Cholesky factors.
//!
//! Always on one thread and in a fixed order, so that the same data give the same bits.

/// Rows of equal width behind each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix<T> {
    pub width: usize,
    pub data: Vec<T>,
}

impl<T: Copy> Matrix<T> {
    pub fn new(width: usize, data: Vec<T>) -> Self {
        assert!(width > 0 && data.len().is_multiple_of(width), "whole rows of {width}");
        Self { width, data }
    }

    pub fn rows(&self) -> usize {
        self.data.len() / self.width
    }

    pub fn row(&self, index: usize) -> &[T] {
        &self.data[index * self.width..(index + 1) * self.width]
    }

    /// The rows at some positions.
    pub fn select(&self, positions: &[usize]) -> Self {
        let data = positions.iter().flat_map(|&it| self.row(it).iter().copied()).collect();
        Self { width: self.width, data }
    }
}

/// A number type that `gemm` multiplies.
pub(super) trait Number: Copy + Default + 'static {
    const ONE: Self;
}

impl Number for f32 {
    const ONE: Self = 1.0;
}

impl Number for f64 {
    const ONE: Self = 1.0;
}

/// How a factor is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    AsIs,
    Transposed,
}

/// `a · b`, each as it is or transposed.
pub(super) fn product<T: Number>(a: &Matrix<T>, sa: Side, b: &Matrix<T>, sb: Side) -> Matrix<T> {
    let view = |it: &Matrix<T>, side: Side| {
        let (rows, columns, stride) = (it.rows(), it.width, it.width as isize);
        if side == Side::AsIs { (rows, columns, stride, 1) } else { (columns, rows, 1, stride) }
    };
    let (m, k, a_row, a_column) = view(a, sa);
    let (inner, n, b_row, b_column) = view(b, sb);
    assert_eq!(k, inner, "the inner sizes agree");
    let mut out = vec![T::default(); m * n];
    if m > 0 && n > 0 && k > 0 {
        // SAFETY: sizes and strides are those of the slices, whose lengths are rows times width by
        // construction; `out` is new, so nothing overlaps.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.as_mut_ptr(),
                1,
                n as isize,
                false,
                a.data.as_ptr(),
                a_column,
                a_row,
                b.data.as_ptr(),
                b_column,
                b_row,
                T::ONE,
                T::ONE,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
    Matrix { width: n.max(1), data: out }
}

/// The lower factor L of A = L Lᵀ.
#[derive(Debug, Clone)]
pub(super) struct Cholesky {
    factor: Matrix<f64>,
}

impl Cholesky {
    /// `None` if the matrix is not positive definite.
    pub fn of(mut a: Matrix<f64>) -> Option<Self> {
        let n = a.width;
        assert_eq!(a.rows(), n, "the matrix is square");
        for i in 0..n {
            let (above, rest) = a.data.split_at_mut(i * n);
            let row = &mut rest[..n];
            for j in 0..i {
                let other = &above[j * n..j * n + j + 1];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let square = row[i] - dot(&row[..i], &row[..i]);
            if !(square > 0.0 && square.is_finite()) {
                return None;
            }
            row[i] = square.sqrt();
            row[i + 1..].fill(0.0);
        }
        Some(Self { factor: a })
    }

    /// x of A x = b.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let n = self.factor.width;
        let mut x = b.to_vec();
        for i in 0..n {
            let row = self.factor.row(i);
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        for i in (0..n).rev() {
            let row = self.factor.row(i);
            x[i] /= row[i];
            let found = x[i];
            for j in 0..i {
                x[j] -= row[j] * found;
            }
        }
        x
    }
}

/// With eight running sums, so that the compiler can use wide registers.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_products() {
        let a = Matrix::new(2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let gram = product(&a, Side::Transposed, &a, Side::AsIs);
        assert_eq!(gram, Matrix::new(2, vec![35.0, 44.0, 44.0, 56.0]));
        let outer = product(&a, Side::AsIs, &a, Side::Transposed);
        assert_eq!(outer.data, [5.0, 11.0, 17.0, 11.0, 25.0, 39.0, 17.0, 39.0, 61.0]);
    }

    #[test]
    fn what_a_factor_solves_is_the_equation() {
        let n = 12;
        let value =
            |i: usize, j: usize| if i == j { 9.0 } else { 1.0 / (1.0 + i.abs_diff(j) as f64) };
        let a = Matrix::new(n, (0..n * n).map(|at| value(at / n, at % n)).collect());
        let b: Vec<f64> = (0..n).map(|i| i as f64 - 3.5).collect();
        let x = Cholesky::of(a.clone()).unwrap().solve(&b);
        for i in 0..n {
            assert!((dot(a.row(i), &x) - b[i]).abs() < 1e-12);
        }
        assert!(Cholesky::of(Matrix::new(2, vec![1.0, 2.0, 2.0, 1.0])).is_none());
    }
}
