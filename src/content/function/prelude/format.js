// The filters of templates as functions: `format.currency(12.5, 'EUR', { locale: 'nl' })` is `12.5|currency('EUR', locale='nl')`.

export function make(native, { argumentsOf, formatted, own, textOfHtml }) {
  const format = own(null);
  for (const name of native.filters()) {
    format[name] = (value, ...given) => {
      const plain = textOfHtml(value) ?? value;
      return formatted(native.format(name, argumentsOf([plain, ...given], 1)));
    };
  }
  return { format: Object.freeze(format) };
}
