// Similar: the nearest products of a text.
import { h, field, busy, empty, picture } from './dom.js';
import { call, categoryPath, imageUrl } from './api.js';
import { categoryInput, categorySuggestions } from './product_form.js';
import { t } from './i18n.js';

export const needs = 'TextEmbedder/FindSimilar';

export function render(root, signal, productId) {
  const input = h('input', { name: 'text', required: true, maxlength: '4096', autocomplete: 'off', placeholder: t('example.title') });
  const category = categoryInput({ type: 'search', placeholder: t('similar.any') });
  const button = h('button', { class: 'primary', type: 'submit' }, t('similar.run'));
  const form = h('form', { class: 'card inline three', onsubmit: (event) => { event.preventDefault(); find({ text: input.value }); } },
    field(t('field.title'), input), field(t('field.category'), category), button, categorySuggestions());
  const result = h('div', { 'aria-live': 'polite' }, empty(t('similar.empty'), t('similar.emptyText')));
  root.append(form, result);
  if (productId) likeProduct();

  async function likeProduct() {
    const { product } = await call('ProductStore/GetProduct', { id: productId }).catch(() => ({}));
    if (signal.aborted) return;
    input.value = product?.product?.title || '';
    find({ productId });
  }

  function find(query) {
    busy(button, async () => {
      try {
        const { products = [] } = await call('TextEmbedder/FindSimilar', { ...query, count: 24, categoryPath: categoryPath(category.value) });
        const own = await withOwnImage(products.map((product) => product.productId));
        result.replaceChildren(products.length ? h('div', { class: 'gallery' }, products.map((product) => tile(product, own.has(product.productId)))) : empty(t('similar.none'), ''));
      } catch (error) {
        const hint = error.code === 'failed_precondition' ? t('similar.train') : '';
        result.replaceChildren(empty(t('failed'), `${error.message} ${hint}`));
      }
    });
  }
}

// Of these products those whose picture is their own; that of any other one is its generated placeholder.
export async function withOwnImage(ids) {
  if (!ids.length) return new Set();
  const { products = [] } = await call('ProductStore/BatchGetProducts', { ids });
  return new Set(products.filter(({ image }) => image?.state === 'IMAGE_STATE_STORED').map(({ product }) => product.id));
}

// A product with its picture and how near it lies, -1 to 1.
export function tile({ productId, cosine = 0, title = '', categoryPath: path = [] }, own) {
  return h('figure', { class: 'tile' }, picture(imageUrl(productId, 256), title, !own && t('generated')),
    h('figcaption', {}, h('a', { class: 'title', href: `#catalogue/${encodeURIComponent(productId)}` }, title || productId), h('span', { class: 'quiet' }, path.join(' › ')), h('span', { class: 'score', title: t('similar.cosine') }, cosine.toFixed(3))));
}
