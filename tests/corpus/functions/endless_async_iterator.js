// cpu:
export default async () => { for await (const one of { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false }) }) }) one; }
