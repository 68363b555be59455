//! The table `traces`: Parquet files and the log as one.
//!
//! Parts of tasks and days that a question excludes are not opened. The log is decoded a segment at
//! a time while the query runs, so it is never in memory as a whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, Date32Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::object_store::path::Path as StorePath;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, empty::EmptyExec};
use freehold_vocabulary::{Timestamp, Trace};

use crate::error::TracesError;
use crate::frame::{self, Piece};
use crate::layout::Partition;
use crate::schema;
use crate::segment;
use crate::snapshot::{Part, Snapshot};

/// See the head of the file.
#[derive(Debug)]
pub struct Table {
    folder: PathBuf,
    snapshot: Arc<Snapshot>,
}

impl Table {
    /// The object store behind the query engine wants absolute paths.
    pub fn new(folder: &Path, snapshot: &Arc<Snapshot>) -> Result<Self, TracesError> {
        let folder = std::path::absolute(folder).map_err(TracesError::io("find", folder))?;
        Ok(Self { folder, snapshot: Arc::clone(snapshot) })
    }

    fn parts(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let wanted = self.wanted(state, filters)?;
        let files = self.snapshot.parts.iter().zip(wanted).filter(|(_, wanted)| *wanted);
        let files = files.map(|(part, _)| self.file(part)).collect::<Result<Vec<_>>>()?;
        if files.is_empty() {
            return Ok(None);
        }
        let columns = TableSchema::builder(Arc::clone(&schema::FILE))
            .with_table_partition_cols(schema::PATH.clone())
            .build();
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let source = Arc::new(ParquetSource::new(columns));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }

    fn file(&self, part: &Part) -> Result<PartitionedFile> {
        let path = std::path::absolute(&part.path)?;
        let path = StorePath::from_absolute_path(path)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut file = PartitionedFile::new("", part.bytes);
        file.object_meta.location = path;
        let partition = &part.name.partition;
        Ok(file.with_partition_values(vec![
            ScalarValue::Utf8(Some(partition.task.to_string())),
            ScalarValue::Date32(Some(date(partition))),
        ]))
    }

    /// Which parts may hold rows that the filters on `task` and `day` let through.
    fn wanted(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<bool>> {
        let parts = &self.snapshot.parts;
        let names: Vec<&str> = schema::PATH.iter().map(|field| field.name().as_str()).collect();
        let on_path = filters.iter().filter(|filter| {
            let columns = filter.column_refs();
            !filter.is_volatile() && columns.iter().all(|it| names.contains(&it.name.as_str()))
        });
        let Some(filter) = conjunction(on_path.cloned()) else {
            return Ok(vec![true; parts.len()]);
        };
        let columns: SchemaRef = Arc::new(Schema::new(schema::PATH.clone()));
        let tasks = parts.iter().map(|part| part.name.partition.task.as_str());
        let days = parts.iter().map(|part| date(&part.name.partition));
        let values: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(tasks)),
            Arc::new(Date32Array::from_iter_values(days)),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&columns), values)?;
        let unqualified = DFSchema::try_from(columns)?;
        let filter = state.create_physical_expr(unqualify(filter)?, &unqualified)?;
        let kept = filter.evaluate(&batch)?.into_array(parts.len())?;
        let kept: &BooleanArray = kept.as_boolean();
        Ok(kept.iter().map(|it| it == Some(true)).collect())
    }

    fn log(
        &self,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let stream = LogStream {
            folder: self.folder.clone(),
            snapshot: Arc::clone(&self.snapshot),
            columns: Arc::clone(&schema::TABLE),
        };
        let exec = StreamingTableExec::try_new(
            Arc::clone(&schema::TABLE),
            vec![Arc::new(stream)],
            projection,
            None,
            false,
            limit,
        )?;
        Ok(Arc::new(exec))
    }
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&schema::TABLE)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut inputs = vec![];
        inputs.extend(self.parts(state, projection, filters, limit)?);
        if !self.snapshot.segments.is_empty() {
            inputs.push(self.log(projection, limit)?);
        }
        if inputs.is_empty() {
            let columns = projection.map(|columns| schema::TABLE.project(columns)).transpose()?;
            let columns = columns.map_or_else(|| Arc::clone(&schema::TABLE), Arc::new);
            return Ok(Arc::new(EmptyExec::new(columns)));
        }
        UnionExec::try_new(inputs)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // Used to skip files and row groups; the engine filters the rows itself.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

fn date(partition: &Partition) -> i32 {
    schema::date(Timestamp::from_micros(partition.micros()))
}

/// The filter with plain column names, whatever the query calls the table.
fn unqualify(filter: Expr) -> Result<Expr> {
    use datafusion::common::Column;
    use datafusion::common::tree_node::{Transformed, TreeNode as _};
    let plain = filter.transform(|part| {
        Ok(match part {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(plain.data)
}

/// The log of a snapshot, one segment after the other.
#[derive(Debug)]
struct LogStream {
    folder: PathBuf,
    snapshot: Arc<Snapshot>,
    columns: SchemaRef,
}

impl PartitionStream for LogStream {
    fn schema(&self) -> &SchemaRef {
        &self.columns
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.columns), 1);
        let send = builder.tx();
        let (folder, snapshot) = (self.folder.clone(), Arc::clone(&self.snapshot));
        builder.spawn_blocking(move || {
            let mut traces: Vec<Trace> = vec![];
            for open in &snapshot.segments {
                let bytes = open.read_from(&folder, 0).map_err(external)?;
                segment::check_version(&folder, open.id, &bytes).map_err(external)?;
                for piece in frame::pieces(&bytes) {
                    // Damaged bytes are reported by the process that writes; here the end may be
                    // a write in progress.
                    let Piece::Record { offset, payload, .. } = piece else { continue };
                    traces.push(
                        segment::decode(&folder, open.id, offset, payload).map_err(external)?,
                    );
                    if traces.len() == schema::BATCH_ROWS {
                        let batch = schema::table_batch(&std::mem::take(&mut traces));
                        if send.blocking_send(Ok(batch)).is_err() {
                            return Ok(()); // Nobody waits for more.
                        }
                    }
                }
            }
            if !traces.is_empty() {
                // If nobody waits for it, it is not missed.
                let _ = send.blocking_send(Ok(schema::table_batch(&traces)));
            }
            Ok(())
        });
        builder.build()
    }
}

fn external(error: TracesError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
