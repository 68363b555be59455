//! CSV, read as an import reads it, written with the same delimiter.

use super::{FileReport, Job, Output, Rewrite};
use crate::error::CurationError;
use crate::import::{Cell, FORMATS, Opening, RowReader, Step};
use crate::request::Limits;

pub(super) fn run(
    job: &Job<'_>,
    rewriter: &mut dyn Rewrite,
    out: Output<'_>,
    report: &mut FileReport,
) -> Result<(), CurationError> {
    let mut reader = open(job)?;
    let columns = reader.columns().to_vec();
    let (examined, subject) = job.choose(&columns, &|_| true, report)?;
    reader.select(&(0..columns.len()).collect::<Vec<usize>>())?;
    let delimiter = reader.delimiter().and_then(|it| u8::try_from(it).ok()).unwrap_or(b',');
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
    let failed = |error: csv::Error| job.write_error()(std::io::Error::other(error));
    writer.write_record(&columns).map_err(failed)?;
    let (mut cells, mut position) = (Vec::new(), 0);
    loop {
        match reader.next(&mut cells)? {
            Step::End => break,
            Step::Bad { line, reason } => {
                return Err(CurationError::Malformed {
                    file: job.name.to_owned(),
                    line,
                    reason: reason.to_string(),
                });
            }
            Step::Row { .. } => {}
        }
        let texts: Vec<&str> = cells.iter().map(text_of).collect();
        if let Some(subject) = subject {
            rewriter.set_subject(texts[subject]);
        }
        let mut row = Vec::with_capacity(texts.len());
        for ((column, text), examined) in columns.iter().zip(&texts).zip(&examined) {
            row.push(if *examined { rewriter.text(column, text)? } else { (*text).to_owned() });
        }
        writer.write_record(&row).map_err(failed)?;
        report.records += 1;
        job.progress.advance(reader.position() - position);
        position = reader.position();
    }
    writer.flush().map_err(job.write_error())
}

fn open(job: &Job<'_>) -> Result<Box<dyn RowReader>, CurationError> {
    let (head, _) = job.encoding.encoding.decode_with_bom_removal(&job.probe.head);
    let format = FORMATS.iter().find(|it| it.name == "csv").expect("CSV can be imported");
    (format.open)(&Opening {
        source: &job.request.source,
        name: job.name,
        probe: job.probe,
        head: &head,
        encoding: job.encoding,
        limits: Limits::default(),
    })
}

fn text_of(cell: &Cell) -> &str {
    match cell {
        Cell::Text(text) => text,
        // A CSV file holds nothing else.
        Cell::Missing | Cell::List(_) | Cell::Other(_) => "",
    }
}
