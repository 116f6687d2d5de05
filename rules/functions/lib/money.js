/** A price with so many per cent off, as people write it. */
export function off(price, percent) {
  return (price * (100 - percent) / 100).toFixed(2);
}
