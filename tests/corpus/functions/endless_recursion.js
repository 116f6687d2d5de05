// threw: RangeError: Maximum call stack size exceeded
export default function f() { return f() }
