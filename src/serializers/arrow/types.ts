import { type ArrowData, type ArrowType, TYPE } from './memory.js';

/** What tells types of one kind apart, apart from their children; most types have few of them. */
const MEMBERS = [
  ...(['typeId', 'bitWidth', 'isSigned', 'precision', 'scale', 'unit', 'timezone', 'byteWidth', 'listSize'] as const),
  'mode' as const,
];

/** Whether data of one type reads the same as of another. Compares the number of children, names of a struct's, and no index types. */
export function isAlike(one: ArrowType, other: ArrowType): boolean {
  if (one === other) return true;
  if (one.typeId === TYPE.dictionary && other.typeId === TYPE.dictionary)
    return one.isOrdered === other.isOrdered && isSame(one.dictionary, other.dictionary);
  if (MEMBERS.some((member) => (one[member] ?? undefined) !== (other[member] ?? undefined))) return false;
  const children = one.children ?? [];
  const others = other.children ?? [];
  if (children.length !== others.length) return false;
  if (one.typeId === TYPE.struct) return children.every(({ name }, i) => name === others[i]?.name);
  return one.typeId !== TYPE.union || children.every((_, i) => one.typeIds[i] === other.typeIds[i]);
}

/** As `isAlike`, with all children. */
function isSame(one: ArrowType, other: ArrowType): boolean {
  if (one === other) return true;
  const others = other.children ?? [];
  return isAlike(one, other) && (one.children ?? []).every(({ type }, i) => isSame(type, others[i]?.type ?? type));
}

/** Whether the arrays of data have elements as its type says: a constructor of `Data` takes any. */
export function hasArraysOfType({ type, values, valueOffsets }: ArrowData): boolean {
  const { typeId } = type;
  if (valueOffsets !== undefined && isLarge(typeId) !== (valueOffsets.BYTES_PER_ELEMENT === 8)) return false;
  if (values === undefined || typeId === TYPE.null || typeId === TYPE.union) return true;
  const { ArrayType } = typeId === TYPE.dictionary ? type.indices : type;
  // Not `instanceof`: they may be of another realm.
  return ArrayType === undefined || values.constructor === ArrayType || values[Symbol.toStringTag] === ArrayType.name;
}

function isLarge(typeId: number): boolean {
  return typeId === TYPE.largeBinary || typeId === TYPE.largeUtf8 || typeId === TYPE.largeList;
}
