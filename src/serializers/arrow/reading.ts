import { decompressed } from './compression.js';
import { parseFile } from './file.js';
import type { ArrowBatch, ArrowField, ArrowSchema, ColumnsModule } from './memory.js';
import type { Column } from './schema.js';

interface ReadingModule extends ColumnsModule {
  tableFromIPC(bytes: Uint8Array): unknown;
}

/**
 * The table of an Arrow file, as it was written.
 *
 * @throws SerializationError for bytes that are none or not supported; what `apache-arrow` throws.
 */
export function readTable(arrow: object, payload: Uint8Array): unknown {
  const file = parseFile(payload);
  const plain = decompressed(payload, file);
  // The metadata was rewritten.
  if (plain !== payload && parseFile(plain).compression !== 'none') throw new RangeError('Compressed twice');
  const table = (arrow as ReadingModule).tableFromIPC(plain) as ReadTable;
  repairSchema(arrow as ReadingModule, table, file.schema.columns);
  return table;
}

interface ReadTable {
  schema: ArrowSchema;
  readonly batches: readonly ArrowBatch[];
}

/** `apache-arrow` mixes up the types of columns with the same name, and reads an empty name as null or "null". */
function repairSchema({ Schema }: ColumnsModule, table: ReadTable, columns: readonly Column[]): void {
  const isNamed = columns.every(hasNames);
  const [first] = table.batches;
  if (first === undefined || (isNamed && areDifferent(table.schema.fields))) return;
  const fields = first.data.type.children ?? [];
  if (!isNamed) nameFields(fields, columns);
  table.schema = new Schema(fields, table.schema.metadata);
  for (const batch of table.batches) {
    batch.schema = table.schema;
    if (!isNamed) nameFields(batch.data.type.children ?? [], columns);
  }
}

function areDifferent(fields: readonly ArrowField[]): boolean {
  return fields.length < 2 || new Set(fields.map(({ name }) => name)).size === fields.length;
}

function hasNames({ hasName, children }: Column): boolean {
  return hasName && children.every(hasNames);
}

function nameFields(fields: readonly ArrowField[], columns: readonly Column[]): void {
  for (const [i, field] of fields.entries()) {
    const column = columns[i];
    if (column === undefined) continue;
    if (!column.hasName) field.name = '';
    nameFields(field.type.children ?? [], column.children);
  }
}
