/** Whether two words differ by one letter at most, or by two neighbours swapped. */
export function isSlip(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const [left, right] = [a.length - start - end, b.length - start - end];
  return (
    (left <= 1 && right <= 1) ||
    (left === 2 && right === 2 && a[start] === b[start + 1] && a[start + 1] === b[start])
  );
}
