// What describes a product, with suggestions out of the bundle and the catalogue.
import { h, field } from './dom.js';
import { call, categoryPath, listBundles } from './api.js';
import { t } from './i18n.js';

const LOOKED_AT = 500;  // products whose brands and colours are suggested
let catalogue;

async function words() {
  catalogue ||= call('ProductStore/ListProducts', { pageSize: LOOKED_AT }).catch(() => { catalogue = undefined; return {}; });
  const [{ current } = {}, { products = [] }] = await Promise.all([listBundles().catch(() => ({})), catalogue]);
  const colors = products.flatMap(({ product }) => (product.attributes || []).filter(({ name }) => name === 'color').map(({ value }) => value));
  return {
    category: [...products.map(({ product }) => (product.categoryPath || []).join(' > ')), ...(current?.gan?.categories || [])],
    brand: products.map(({ product }) => product.brand || ''),
    color: [...colors, ...(current?.gan?.judge?.colors || [])],
  };
}

const listId = (name) => `known-${name}`;

// Lists for inputs that say `list: listId(name)`. A colour of the current bundle is first.
function suggestions() {
  const lists = ['category', 'brand', 'color'].map((name) => h('datalist', { id: listId(name) }));
  words().then((known) => lists.forEach((list) => {
    const values = [...new Set(known[list.id.replace('known-', '')])].filter(Boolean).sort();
    list.append(...values.map((value) => h('option', { value })));
  }));
  return lists;
}

export const categoryInput = (attributes = {}) =>
  h('input', { name: 'category', list: listId('category'), autocomplete: 'off', placeholder: t('example.category'), ...attributes });

// `known`: a Product to begin with.
export function productFields(known = {}, { required = true } = {}) {
  const color = (known.attributes || []).find(({ name }) => name === 'color')?.value;
  return [
    field(t('field.title'), h('input', { name: 'title', required, maxlength: '1000', autocomplete: 'off', placeholder: t('example.title'), value: known.title })),
    field(t('field.category'), categoryInput({ required, value: known.categoryPath?.join(' > ') }), t('hint.category')),
    h('div', { class: 'pair' },
      field(t('field.brand'), h('input', { name: 'brand', maxlength: '256', list: listId('brand'), autocomplete: 'off', placeholder: t('example.brand'), value: known.brand })),
      field(t('field.color'), h('input', { name: 'color', maxlength: '256', list: listId('color'), autocomplete: 'off', placeholder: t('example.color'), value: color }))),
    suggestions(),
  ];
}

export const categorySuggestions = () => suggestions();

// The values of such fields as a Product.
export function productOf({ title = '', category = '', brand = '', color = '' }) {
  return { title: title.trim(), categoryPath: categoryPath(category), brand: brand.trim(), ...(color.trim() && { attributes: [{ name: 'color', value: color.trim() }] }) };
}

export const valuesOf = (form) => Object.fromEntries(new FormData(form));
