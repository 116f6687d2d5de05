// What a piece comes to for a member: the loyalty system knows the discount, the page knows the price.
import { off } from './lib/money.js';

export default async function (input) {
  const member = input.request.cookies.member;
  const { points, discount } = await input.source('loyalty', { member });
  const price = Number(input.element.attr('content'));
  return html`<span class="inlay-price">€&nbsp;${off(price, discount)} for ${member}, with ${points} points</span>`;
}
