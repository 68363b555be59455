//! Tables: what a figure shows, as numbers that can be read aloud and copied.

use super::escape;

/// A table under construction; cells are escaped.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: String,
    count: usize,
}

/// A column's heading and alignment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A cell's content.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    /// Text of any origin.
    Plain(String),
    /// Markup made by this crate.
    Trusted(String),
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::Plain(text.into())
    }
}

impl Table {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: String::new(), count: 0 }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push_str("<tr>");
        for (column, cell) in self.columns.iter().zip(cells) {
            let content = match cell {
                Cell::Plain(text) => escape(&text),
                Cell::Trusted(markup) => markup,
            };
            let open = match column {
                Column::Text(_) => "<td>",
                Column::Number(_) => "<td class=\"number\">",
            };
            self.rows.push_str(&format!("{open}{content}</td>"));
        }
        self.rows.push_str("</tr>\n");
        self.count += 1;
    }

    /// The element; nothing without rows.
    pub(super) fn finish(self) -> String {
        if self.count == 0 {
            return String::new();
        }
        let heading = |column: &Column| match column {
            Column::Text(title) => format!("<th scope=\"col\">{}</th>", escape(title)),
            Column::Number(title) => {
                format!("<th scope=\"col\" class=\"number\">{}</th>", escape(title))
            }
        };
        let headings: String = self.columns.iter().map(heading).collect();
        format!(
            "<div class=\"scroll\"><table><thead><tr>{headings}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
            self.rows
        )
    }
}
