//! Disjoint sets of rows, named by their smallest member.

/// Disjoint sets over `0..n`.
#[derive(Debug)]
pub(super) struct UnionFind {
    parent: Vec<u32>,
}

impl UnionFind {
    /// Every row alone.
    pub(super) fn new(rows: u32) -> Self {
        Self { parent: (0..rows).collect() }
    }

    /// The smallest member of the row's set.
    pub(super) fn find(&self, mut row: u32) -> u32 {
        while self.parent[row as usize] != row {
            row = self.parent[row as usize];
        }
        row
    }

    /// Joins two sets; paths are halved on the way.
    pub(super) fn union(&mut self, a: u32, b: u32) {
        let (a, b) = (self.compress(a), self.compress(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high as usize] = low;
    }

    fn compress(&mut self, mut row: u32) -> u32 {
        while self.parent[row as usize] != row {
            let above = self.parent[row as usize];
            self.parent[row as usize] = self.parent[above as usize];
            row = self.parent[row as usize];
        }
        row
    }

    /// The smallest member for every row.
    pub(super) fn into_roots(mut self) -> Vec<u32> {
        // A parent is never larger than its child, so one pass in order settles all.
        for row in 0..self.parent.len() {
            self.parent[row] = self.parent[self.parent[row] as usize];
        }
        self.parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_named_by_their_smallest_member() {
        let mut sets = UnionFind::new(7);
        for (a, b) in [(5, 3), (6, 5), (1, 6), (4, 2)] {
            sets.union(a, b);
        }
        assert_eq!(sets.find(6), 1);
        assert_eq!(sets.into_roots(), [0, 1, 2, 1, 2, 1, 1]);
    }
}
